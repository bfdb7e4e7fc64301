// Files of text: JSON by its keys, lists of prompts; and job folders.
#include <fmt/format.h>

#include <algorithm>

#include "apps/cli/inspect.h"
#include "apps/common/batch_list.h"
#include "checkpoint/foreign_file.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/paths.h"
#include "core/printable.h"
#include "core/utf8.h"
#include "film/folder_claims.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

bool has_any(const json& object, std::initializer_list<const char*> keys) {
    return std::ranges::any_of(keys, [&](const char* key) { return object.contains(key); });
}

std::string text_at(const json& object, const char* key) {
    return object.contains(key) && object[key].is_string() ? object[key].get<std::string>() : "";
}

TextKind kind_of(const json& object) {
    const std::string made_by = text_at(object, "_class_name");
    if (object.contains("weight_map")) return TextKind::index;
    if (has_any(object, {"grid", "window_counts"})) return TextKind::layout;
    if (made_by.ends_with("Scheduler") || has_any(object, {"flow_shift", "num_train_timesteps"}))
        return TextKind::scheduler;
    if (made_by.ends_with("Pipeline")) return TextKind::pipeline;
    if (object.contains("model") && object["model"].is_object()) return TextKind::tokenizer;
    if (has_any(object, {"prompt", "prompts", "prompt_en", "caption", "text"})) return TextKind::prompts;
    const bool config = !made_by.empty() || has_any(object, {"model_type", "d_model", "dim", "z_dim", "architectures"});
    return config ? TextKind::config : TextKind::unknown;
}

}  // namespace

TextKind text_kind(const fs::path& path) {
    constexpr int64_t kBeginning = 4096;
    InputFile file(path, "a text");
    if (file.bytes() > static_cast<int64_t>(kLargestText)) return TextKind::none;
    const std::string head = file.read(kBeginning);
    if (head.find('\0') != std::string::npos) return TextKind::none;
    checkpoint::refuse_other_kind(head, path.string());
    const std::string text = read_text_file(path, "a text");
    if (text.empty() || !is_utf8_text(text)) return TextKind::none;
    const json whole = parse_json_or_discard(text);
    return whole.is_object() ? kind_of(whole) : TextKind::prompts;
}

void inspect_config(const fs::path& path) {
    const json config = parse_json_or_discard(read_text_file(path, "a JSON object"));
    row("Config", path.string());
    for (const auto& [key, value] : config.items()) {
        constexpr size_t kMost = 60;
        const std::string text = value.dump(-1, ' ', true, json::error_handler_t::replace);
        row("", fmt::format("{} {}", key, text.size() > kMost ? text.substr(0, kMost) + "..." : text));
    }
    const bool transformer = has_any(config, {"dim", "num_attention_heads", "image_dim"});
    if (const Message claim = film::claim_of_config(path); transformer && !claim.empty()) throw InvalidRequest(claim);
}

void inspect_prompts(const fs::path& path) {
    const BatchList list = read_batch_list(path);
    row("Prompts", path.string());
    row("", fmt::format("{} {}; the first: {}", list.items.size(), list.items.size() == 1 ? "film" : "films",
                        list.items.front().prompt));
    for (const auto& [name, value] : list.items.front().fields) row("", fmt::format("--{} {}", name, value));
    if (!list.unread.empty()) row("", fmt::format("not read: {}", fmt::join(list.unread, ", ")));
    row("Films", fmt::format("t3video batch {}", path.string()));
}

void inspect_job(const fs::path& folder) {
    if (const auto job = job::look_at_job(folder)) print_jobs({*job});
}

}  // namespace t3video::apps
