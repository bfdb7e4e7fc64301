// What tests of data sets share.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "support/errors.h"
#include "support/files.h"
#include "training/data/data_list.h"
#include "training/data/set_builder.h"

namespace t3video::training {

inline void PrintTo(const DataItem& item, std::ostream* out) {
    *out << item.file << (item.kind == ClipKind::video ? " video" : " picture") << " x" << item.repeats << " of "
         << item.group << ' ' << ::testing::PrintToString(item.captions);
}

}  // namespace t3video::training

namespace t3video::testing {

inline std::vector<std::string> problems_of(const training::DataSet& set) {
    std::vector<std::string> texts;
    for (const training::DataProblem& problem : set.problems) texts.push_back(problem.text());
    return texts;
}

}  // namespace t3video::testing
