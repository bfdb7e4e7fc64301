// A number that tells the contents of files apart.
#pragma once

#include <filesystem>
#include <string>

namespace t3video {

// FNV-1a over the bytes of a file, or over the names and bytes of a folder's files in the order of their names: 16
// hexadecimal digits. Against accidents, not against forgery. Throws InvalidRequest for what cannot be read.
std::string content_hash(const std::filesystem::path& path);

}  // namespace t3video
