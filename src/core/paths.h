// What stands under a path, asked of the system with one kind of answer to its refusals: a line that names the path.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace t3video {

// All of these follow links and throw InvalidRequest, with the path and the system's words, where the system does not
// answer: a folder that may not be entered, a name too long, links in a circle, a disk that fails.

// False where nothing stands there, or something else.
bool is_there(const std::filesystem::path& path);
bool is_file(const std::filesystem::path& path);  // a regular one: no folder, device, pipe or socket
bool is_folder(const std::filesystem::path& path);

// Of a file that is there.
int64_t file_bytes(const std::filesystem::path& path);

// Whether anything has this name, a link that leads nowhere included; false where the system does not answer, since
// nothing can be made there either.
bool name_exists(const std::filesystem::path& path);

// The folder that a file lies in: of a name alone the current one, ".".
std::filesystem::path folder_above(const std::filesystem::path& file);

// What is in a folder, sorted.
std::vector<std::filesystem::path> entries_of(const std::filesystem::path& folder);

// From the root, as it is written: links are not looked at. Refused for a relative path where the working directory was
// deleted.
std::filesystem::path absolute_path(const std::filesystem::path& path);
// From the root, without links or dots as far as it exists.
std::filesystem::path canonical_path(const std::filesystem::path& path);

// Makes the folder and those above it, where they are not there yet.
void make_folders(const std::filesystem::path& folder);

}  // namespace t3video
