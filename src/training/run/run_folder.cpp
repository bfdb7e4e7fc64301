// Names, the lock, and which checkpoints stay.
#include "training/run/run_folder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/numbers.h"
#include "core/output_file.h"
#include "core/paths.h"

namespace t3video::training {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kRecord = "run.json";

fs::path checkpoint_in(const fs::path& run, int64_t update) {
    return run / "checkpoints" / fmt::format("{:06}.safetensors", update);
}

}  // namespace

std::vector<Checkpoint> checkpoints_in(const fs::path& run) {
    std::vector<Checkpoint> all;
    const fs::path folder = run / "checkpoints";
    if (!is_folder(folder)) return all;
    for (const fs::path& file : entries_of(folder)) {
        const auto update = number_of<int64_t>(file.stem().string());
        if (update && file == checkpoint_in(run, *update)) all.push_back({*update, file});
    }
    std::ranges::sort(all, {}, &Checkpoint::update);
    return all;
}

RunFolder::RunFolder(fs::path path)
    : path_(std::move(path)), lock_(std::make_unique<FolderLock>(path_, "is working in this run's folder")) {}

void check_new_run(const fs::path& folder) {
    if (!is_there(folder)) return;
    require_valid(is_folder(folder), Field("output", folder.string()), ": is a file; name a folder");
    const Message already(Field("output", folder.string()), ": a run was begun there; ",
                          Field("resume", folder.string()), " goes on with it, and another folder begins anew");
    if (is_there(folder / kRecord)) throw InvalidRequest(already);
    for (const fs::path& entry : entries_of(folder))  // of a run that was killed as it began a partial file may stay
        require_valid(entry == partial_path(folder / kRecord), Field("output", folder.string()),
                      ": holds files that are no run's; name a new folder");
}

RunFolder RunFolder::make(const fs::path& folder) {
    check_new_run(folder);
    return RunFolder(folder);
}

RunFolder RunFolder::open(const fs::path& folder) {
    require_valid(is_folder(folder), Field("resume", folder.string()), ": no such folder");
    require_valid(is_file(folder / kRecord), Field("resume", folder.string()),
                  ": holds no run.json; expected the folder of a run that was begun");
    return RunFolder(folder);
}

void RunFolder::write_record(const json& record) const {
    replace_file(path_ / kRecord, record.dump(1, ' ', false, json::error_handler_t::replace) + "\n");
}

json RunFolder::record() const {
    const fs::path file = path_ / kRecord;
    const json record = parse_json_or_discard(read_text_file(file, "a run's record"));
    require_valid(record.is_object(), file.string(), ": is damaged; it is no JSON object");
    return record;
}

fs::path RunFolder::checkpoint_path(int64_t update) const {
    return checkpoint_in(path_, update);
}

void RunFolder::prune(int64_t keep) const {
    const std::vector<Checkpoint> all = checkpoints();
    std::error_code ignored;  // one that stays too long harms nobody
    for (size_t i = 0; i + static_cast<size_t>(keep) < all.size(); ++i) fs::remove(all[i].file, ignored);
    const fs::path folder = path_ / "checkpoints";
    if (!is_folder(folder)) return;
    for (const fs::path& file : entries_of(folder)) {
        if (file.extension() == ".partial") remove_partial(fs::path(file).replace_extension());
    }
}

}  // namespace t3video::training
