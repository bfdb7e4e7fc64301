// Writes zip archives: through libzip, and by hand in the very layout of torch.save.
#pragma once

#include <zip.h>

#include <cstdint>
#include <string>
#include <vector>

#include "files.h"

namespace t3video::checkpoint {

struct ZipEntry {
    std::string name, content;
    bool compress = false;
};

inline std::filesystem::path write_zip(const std::filesystem::path& path, const std::vector<ZipEntry>& entries) {
    int code = 0;
    zip_t* const zip = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, &code);
    require(zip != nullptr, "zip_open: ", code);
    for (const ZipEntry& entry : entries) {
        zip_source_t* const source = zip_source_buffer(zip, entry.content.data(), entry.content.size(), 0);
        const zip_int64_t index = zip_file_add(zip, entry.name.c_str(), source, 0);
        require(index >= 0, "zip_file_add: ", zip_strerror(zip));
        const zip_int32_t method = entry.compress ? ZIP_CM_DEFLATE : ZIP_CM_STORE;
        require(zip_set_file_compression(zip, static_cast<zip_uint64_t>(index), method, 0) == 0, "method");
    }
    require(zip_close(zip) == 0, "zip_close: ", zip_strerror(zip));
    return path;
}

// What torch.save writes: sizes and checksum in a data descriptor after the data, local headers padded so that data
// begins at multiples of 64, ZIP64 records where offsets need them. `gap` bytes, a hole in the file, precede the last
// entry. Checksums are left out.
class TorchZipWriter {
  public:
    explicit TorchZipWriter(const std::filesystem::path& path) : out_(path, std::ios::binary) {}

    void add(const std::string& name, const std::string& content, uint64_t gap = 0) {
        position_ += gap;
        const uint64_t local = position_;
        const bool wide = local >= UINT32_MAX;
        std::string extra = wide ? zip64_offset(local) : "";
        const uint64_t unpadded = local + 30 + name.size() + extra.size() + 4;
        const auto padding = static_cast<uint16_t>((64 - unpadded % 64) % 64);
        extra += "FB" + raw_bytes(padding) + std::string(padding, 'Z');
        append("PK\3\4" + raw_bytes(uint16_t{0}) + common(0, name.size(), extra.size()) + name + extra + content);
        const std::string sum(4, '\0');
        append("PK\7\x8" + sum + (wide ? two(uint64_t{content.size()}) : two(static_cast<uint32_t>(content.size()))));

        extra = wide ? zip64_offset(local) : "";
        directory_ += "PK\1\2" + std::string(4, '\0') + common(content.size(), name.size(), extra.size()) +
                      std::string(10, '\0') + raw_bytes(wide ? UINT32_MAX : static_cast<uint32_t>(local)) + name +
                      extra;
        ++entries_;
    }

    void finish() {
        const uint64_t begin = position_;
        append(directory_);
        const uint64_t end = position_;
        const bool wide = begin >= UINT32_MAX;
        if (wide) {
            append("PK\6\6" + raw_bytes(uint64_t{44}) + std::string(12, '\0') + two(uint64_t{entries_}) +
                   raw_bytes(uint64_t{directory_.size()}) + raw_bytes(begin));
            append("PK\6\7" + raw_bytes(uint32_t{0}) + raw_bytes(end) + raw_bytes(uint32_t{1}));
        }
        append("PK\5\6" + std::string(4, '\0') + two(entries_) + raw_bytes(static_cast<uint32_t>(directory_.size())) +
               raw_bytes(wide ? UINT32_MAX : static_cast<uint32_t>(begin)) + std::string(2, '\0'));
        out_.close();
    }

  private:
    template <class T>
    static std::string two(T value) {
        return raw_bytes(value) + raw_bytes(value);
    }
    static std::string zip64_offset(uint64_t offset) {
        return raw_bytes(uint16_t{1}) + raw_bytes(uint16_t{8}) + raw_bytes(offset);
    }
    // Flags, method, time, checksum, sizes, lengths: what both headers have.
    static std::string common(uint64_t size, size_t name, size_t extra) {
        return raw_bytes(uint16_t{0x0808}) + std::string(6, '\0') + std::string(4, '\0') +
               two(static_cast<uint32_t>(size)) + raw_bytes(static_cast<uint16_t>(name)) +
               raw_bytes(static_cast<uint16_t>(extra));
    }
    void append(const std::string& bytes) {
        out_.seekp(static_cast<std::streamoff>(position_));
        out_ << bytes;
        position_ += bytes.size();
    }

    std::ofstream out_;
    uint64_t position_ = 0;
    std::string directory_;
    uint16_t entries_ = 0;
};

}  // namespace t3video::checkpoint
