// Reads a batch's list.
#include "apps/common/batch_list.h"

#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"

namespace t3video::apps {

std::vector<BatchItem> read_batch_list(const std::filesystem::path& path) {
    const nlohmann::json list =
        parse_json_or_discard(read_text_file(path, "a batch's list of prompts", kLargestText, Pipes::accepted));
    require_valid(list.is_array() && !list.empty(), path.string(),
                  R"(: expected a JSON list of objects such as {"prompt_en": "A red ball drifts left."})");
    std::vector<BatchItem> items;
    for (const auto& entry : list) {
        const std::string where = concat(path.string(), ": entry ", items.size());
        require_valid(entry.is_object() && entry.contains("prompt_en") && entry["prompt_en"].is_string(), where,
                      " has no text \"prompt_en\"");
        BatchItem item{entry["prompt_en"].get<std::string>(), {}};
        require_valid(item.prompt.find_first_not_of(" \t\r\n") != std::string::npos, where,
                      ": \"prompt_en\" is empty; describe the film in a sentence");
        if (entry.contains("seed")) {
            require_valid(entry["seed"].is_number_unsigned(), where, ": \"seed\" is not a whole number");
            item.seed = entry["seed"].get<uint64_t>();
        }
        items.push_back(std::move(item));
    }
    return items;
}

}  // namespace t3video::apps
