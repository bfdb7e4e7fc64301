// The record of files.
#include "job/written_files.h"

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "core/content_hash.h"
#include "core/error.h"
#include "core/json.h"
#include "core/output_file.h"

namespace t3video::job {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* kFile = "files.json";

int64_t bytes_of(const fs::path& file) {
    std::error_code error;
    const auto bytes = fs::file_size(file, error);
    return error ? -1 : static_cast<int64_t>(bytes);
}

}  // namespace

WrittenFiles::WrittenFiles(const fs::path& job_folder) : folder_(job_folder) {
    std::error_code ignored;
    if (!fs::is_regular_file(folder_ / kFile, ignored)) return;
    std::ifstream in(folder_ / kFile, std::ios::binary);
    const json record = parse_json_or_discard(in);
    if (!record.is_object() || !record.contains("files") || !record["files"].is_object()) return;
    for (const auto& [name, versions] : record["files"].items()) {
        for (const json& version : versions) {
            const auto bytes = version.is_object() ? whole_number_at(version, "bytes") : std::nullopt;
            const auto is_text = [&](const char* key) { return version.contains(key) && version[key].is_string(); };
            if (bytes && is_text("hash") && is_text("form"))
                files_[name].push_back({*bytes, version["hash"], version["form"]});
        }
    }
}

std::string WrittenFiles::key_of(const fs::path& file) const {
    std::error_code ignored;
    const auto full = [&](const fs::path& path) {
        const fs::path absolute = fs::absolute(path, ignored).lexically_normal();
        return absolute.has_filename() ? absolute : absolute.parent_path();
    };
    return full(file).lexically_relative(full(folder_)).generic_string();
}

bool WrittenFiles::names(const fs::path& file) const {
    return files_.contains(key_of(file));
}

bool WrittenFiles::has(const fs::path& file, const std::optional<std::string>& form) const try {
    const auto found = files_.find(key_of(file));
    if (found == files_.end()) return false;
    const int64_t bytes = bytes_of(file);
    std::string hash;  // of the file, read once a version has its size
    return std::ranges::any_of(found->second, [&](const Contents& version) {
        if (version.bytes != bytes || (form && version.form != *form)) return false;
        if (hash.empty()) hash = content_hash(file);
        return version.hash == hash;
    });
} catch (const InvalidRequest&) {
    return false;  // cannot be read
}

void WrittenFiles::expect(const std::vector<Naming>& namings, const std::string& form) {
    std::error_code ignored;
    for (const auto& [whole, name] : namings) {
        auto& versions = files_[key_of(name)];
        if (fs::is_regular_file(name, ignored)) versions.push_back({bytes_of(name), content_hash(name), {}});
        versions.push_back({bytes_of(whole), content_hash(whole), form});
    }
    save();
}

void WrittenFiles::settle(const std::vector<Naming>& namings) {
    for (const Naming& naming : namings) {
        auto& versions = files_[key_of(naming.name)];
        if (versions.size() > 1) versions.erase(versions.begin(), versions.end() - 1);
    }
    save();
}

void WrittenFiles::save() const {
    json files = json::object();
    for (const auto& [name, versions] : files_) {
        for (const Contents& contents : versions)
            files[name].push_back({{"bytes", contents.bytes}, {"hash", contents.hash}, {"form", contents.form}});
    }
    replace_file(folder_ / kFile, json{{"files", files}}.dump(1, ' ', true, json::error_handler_t::replace) + "\n");
}

}  // namespace t3video::job
