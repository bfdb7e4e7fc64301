// Lists of records that name a clip and its captions: JSON, JSONL and CSV.
#pragma once

#include <filesystem>
#include <string_view>

#include "training/data/set_builder.h"

namespace t3video::training {

// Adds the clips of a list to the group that was begun. Throws InvalidRequest where the text is none of these.
void add_record_list(SetBuilder& set, const std::filesystem::path& list, std::string_view text);

}  // namespace t3video::training
