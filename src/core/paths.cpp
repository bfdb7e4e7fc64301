// std::filesystem's calls that return a code.
#include "core/paths.h"

#include <algorithm>
#include <system_error>

#include "core/error.h"

namespace t3video {

namespace fs = std::filesystem;

namespace {

void require_answer(const std::error_code& refusal, const fs::path& path) {
    require_valid(!refusal, path.string(), ": ", refusal.message());
}

fs::file_type type_of(const fs::path& path) {
    std::error_code refusal;
    const fs::file_type type = fs::status(path, refusal).type();
    if (type != fs::file_type::not_found) require_answer(refusal, path);
    return type;
}

}  // namespace

bool is_there(const fs::path& path) {
    return type_of(path) != fs::file_type::not_found;
}

bool is_file(const fs::path& path) {
    return type_of(path) == fs::file_type::regular;
}

bool is_folder(const fs::path& path) {
    return type_of(path) == fs::file_type::directory;
}

int64_t file_bytes(const fs::path& path) {
    std::error_code refusal;
    const auto bytes = fs::file_size(path, refusal);
    require_answer(refusal, path);
    return static_cast<int64_t>(bytes);
}

bool name_exists(const fs::path& path) {
    std::error_code refusal;
    return fs::exists(fs::symlink_status(path, refusal));
}

fs::path folder_above(const fs::path& file) {
    return file.has_parent_path() ? file.parent_path() : fs::path(".");
}

std::vector<fs::path> entries_of(const fs::path& folder) {
    std::vector<fs::path> entries;
    std::error_code refusal;
    for (fs::directory_iterator entry(folder, refusal), end; !refusal && entry != end; entry.increment(refusal))
        entries.push_back(entry->path());
    require_answer(refusal, folder);
    std::ranges::sort(entries);
    return entries;
}

fs::path absolute_path(const fs::path& path) {
    if (path.is_absolute()) return path;
    std::error_code refusal;
    const fs::path here = fs::current_path(refusal);
    require_valid(!refusal, path.string(), ": the working directory cannot be found (", refusal.message(),
                  "); change to one that exists");
    return here / path;
}

fs::path canonical_path(const fs::path& path) {
    std::error_code refusal;
    fs::path canonical = fs::weakly_canonical(absolute_path(path), refusal);
    require_answer(refusal, path);
    return canonical;
}

void make_folders(const fs::path& folder) {
    std::error_code refusal;
    fs::create_directories(folder, refusal);
    require_answer(refusal, folder);
}

}  // namespace t3video
