// What wrong input must lead to.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/error.h"

namespace t3video::testing {

// `f` throws InvalidRequest, in one line that contains every one of `parts`.
template <class F>
void expect_invalid(F&& f, const std::vector<std::string>& parts) {
    try {
        f();
        ADD_FAILURE() << "accepted, expected: " << ::testing::PrintToString(parts);
    } catch (const InvalidRequest& error) {
        const std::string message = error.what();
        for (const std::string& part : parts)
            EXPECT_NE(message.find(part), std::string::npos) << part << "\n" << message;
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
}

}  // namespace t3video::testing
