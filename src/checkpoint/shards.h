// Weights in several files that are told apart by numbers in their names: "model-00001-of-00003.safetensors".
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace t3video::checkpoint {

struct ShardName {
    int number = 1, of = 1;
    std::string before, after;  // "model", ".safetensors"
};

// Nothing for the name of a whole file.
std::optional<ShardName> shard_name_of(std::string_view file_name);

// All shards that belong together with this one, in order; the file itself where it is none. Throws InvalidRequest
// naming those that are missing.
std::vector<std::filesystem::path> shards_of(const std::filesystem::path& file);

}  // namespace t3video::checkpoint
