// FNV-1a (Fowler, Noll, Vo) in 64 bits.
#include "core/content_hash.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <string_view>
#include <vector>

#include "core/error.h"

namespace t3video {
namespace {

void add(uint64_t& hash, std::string_view bytes) {
    for (const char byte : bytes) hash = (hash ^ static_cast<uint8_t>(byte)) * 0x100000001B3u;
}

void add_file(uint64_t& hash, const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    require_valid(file.is_open(), path.string(), ": cannot be read");
    std::vector<char> buffer(size_t{1} << 20);
    do {
        file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
        add(hash, {buffer.data(), static_cast<size_t>(file.gcount())});
    } while (file.good());
    require_valid(file.eof(), path.string(), ": cannot be read to its end");
}

}  // namespace

std::string content_hash(const std::filesystem::path& path) {
    uint64_t hash = 0xCBF29CE484222325u;
    if (std::filesystem::is_directory(path)) {
        std::vector<std::filesystem::path> files;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            if (entry.is_regular_file()) files.push_back(entry.path());
        }
        std::ranges::sort(files);
        for (const auto& file : files) {
            add(hash, file.filename().string());
            add_file(hash, file);
        }
    } else {
        add_file(hash, path);
    }
    return fmt::format("{:016x}", hash);
}

}  // namespace t3video
