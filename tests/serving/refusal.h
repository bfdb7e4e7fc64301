// Why a service, or its queue, refuses.
#pragma once

#include <gtest/gtest.h>

#include "serving/refused.h"

namespace t3video::serving {

template <class F>
Refused::Kind refusal(F&& what) {
    try {
        what();
    } catch (const Refused& refused) {
        return refused.kind();
    }
    ADD_FAILURE() << "not refused";
    return Refused::Kind::unknown;
}

}  // namespace t3video::serving
