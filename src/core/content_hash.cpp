// Hashes of texts, files and folders.
#include "core/content_hash.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/input_file.h"
#include "core/paths.h"

namespace t3video {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kPrime = 0x100000001B3u;

uint64_t mixed(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * kPrime;
    return hash ^ hash >> 29;  // a product carries changes upwards only
}

void add_to(ContentHash& hash, InputFile& file, int64_t count) {
    constexpr int64_t kPiece = 1 << 20;
    std::vector<char> buffer(static_cast<size_t>(std::min(kPiece, count)));
    while (count > 0) {
        const size_t read = file.read(buffer.data(), static_cast<size_t>(std::min(kPiece, count)));
        if (read == 0) break;  // it has become shorter
        hash.add(std::string_view(buffer.data(), read));
        count -= static_cast<int64_t>(read);
    }
}

void add_file(ContentHash& hash, const fs::path& path) {
    InputFile file(path, "a file");
    add_to(hash, file, file.bytes());
}

}  // namespace

void ContentHash::mix(const std::byte* block) {
    for (size_t i = 0; i < lanes_.size(); ++i) {
        uint64_t word = 0;
        std::memcpy(&word, block + i * sizeof(word), sizeof(word));
        lanes_[i] = mixed(lanes_[i], word);
    }
}

void ContentHash::add(std::span<const std::byte> bytes) {
    size_t waiting = length_ % kBlock;
    length_ += bytes.size();
    if (waiting > 0) {
        const size_t copied = std::min(kBlock - waiting, bytes.size());
        std::copy_n(bytes.data(), copied, rest_.data() + waiting);
        bytes = bytes.subspan(copied);
        if (waiting + copied < kBlock) return;
        mix(rest_.data());
    }
    for (; bytes.size() >= kBlock; bytes = bytes.subspan(kBlock)) mix(bytes.data());
    std::ranges::copy(bytes, rest_.begin());
}

void ContentHash::add(std::string_view text) {
    add(std::as_bytes(std::span(text)));
}

std::string ContentHash::text() const {
    ContentHash end = *this;
    const size_t waiting = length_ % kBlock;
    std::fill(end.rest_.begin() + static_cast<int64_t>(waiting), end.rest_.end(), std::byte{0});
    if (waiting > 0) end.mix(end.rest_.data());
    uint64_t hash = length_;
    for (const uint64_t lane : end.lanes_) hash = mixed(hash, lane);
    return fmt::format("{:016x}", hash);
}

std::string text_hash(std::string_view text) {
    ContentHash hash;
    hash.add(text);
    return hash.text();
}

std::string content_hash(const fs::path& path) {
    ContentHash hash;
    if (!is_folder(path)) {
        add_file(hash, path);
        return hash.text();
    }
    for (const fs::path& file : entries_of(path)) {
        if (!is_file(file)) continue;
        hash.add(file.filename().string());
        add_file(hash, file);
    }
    return hash.text();
}

std::string sampled_hash(const fs::path& path) {
    constexpr int64_t kWhole = 16 << 20, kHeader = 1 << 20, kSamples = 1024, kPage = 4096;
    InputFile file(path, "a file");
    ContentHash hash;
    hash.add(std::to_string(file.bytes()) + ' ');
    if (file.bytes() <= kWhole) {
        add_to(hash, file, file.bytes());
        return hash.text();
    }
    add_to(hash, file, kHeader);
    const int64_t last = file.bytes() - kPage;
    for (int64_t i = 1; i <= kSamples; ++i) {
        file.seek(kHeader + (last - kHeader) / kSamples * i);
        add_to(hash, file, kPage);
    }
    file.seek(last);
    add_to(hash, file, kPage);
    return hash.text();
}

}  // namespace t3video
