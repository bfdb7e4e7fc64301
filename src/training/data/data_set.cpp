// What lists say, in words and with what they leave open filled in.
#include "training/data/data_set.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "core/message.h"
#include "core/printable.h"

namespace t3video::training {

WindowSettings DataSettings::windows(const WindowSettings& otherwise) const {
    return {.target_frames = target_frames.empty() ? otherwise.target_frames : target_frames,
            .extraction = extraction.value_or(otherwise.extraction),
            .stride = stride.value_or(otherwise.stride),
            .sample = sample.value_or(otherwise.sample),
            .max_frames = max_frames.value_or(otherwise.max_frames),
            .longest_only = longest_only.value_or(otherwise.longest_only)};
}

std::string DataProblem::text() const {
    return printable(line > 0 ? concat(file.string(), ": line ", line, ": ", what) : concat(file.string(), ": ", what));
}

void DataSet::append(DataSet more) {
    for (DataItem& item : more.items) item.group += groups.size();
    const auto move_to = [](auto& to, auto& from) {
        to.insert(to.end(), std::move_iterator(from.begin()), std::move_iterator(from.end()));
    };
    move_to(groups, more.groups);
    move_to(items, more.items);
    move_to(problems, more.problems);
    for (std::string& name : more.passed_over) {
        if (std::ranges::find(passed_over, name) == passed_over.end()) passed_over.push_back(std::move(name));
    }
}

}  // namespace t3video::training
