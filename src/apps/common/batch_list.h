// The list of a batch's films.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace t3video::apps {

struct BatchItem {
    std::string prompt;
    std::optional<uint64_t> seed;
};

// A JSON list of objects: "prompt_en", and "seed" if the film wants its own. Other members are not read. Throws
// InvalidRequest, naming the file and the entry, for anything else.
std::vector<BatchItem> read_batch_list(const std::filesystem::path& path);

}  // namespace t3video::apps
