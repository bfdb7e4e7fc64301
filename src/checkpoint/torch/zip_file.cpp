// Zip archives through libzip, which knows the directory formats but not where in the file an entry's bytes are. It
// reads through our Reader, though: the offset at which it reads an entry's first byte is where the entry lies.
#include "checkpoint/torch/zip_file.h"

#include <zip.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "checkpoint/checks.h"
#include "core/error.h"

namespace t3video::checkpoint {
namespace {

// The text of an error, which is released.
std::string message_of(zip_error_t& error) {
    std::string message = zip_error_strerror(&error);
    zip_error_fini(&error);
    return message;
}

}  // namespace

// A seekable source over the mapped bytes that remembers where it was last read.
struct ZipFile::Reader {
    std::span<const std::byte> bytes;
    uint64_t position = 0;
    uint64_t last_read = 0;        // where the last read began
    uint64_t last_read_bytes = 0;  // and how much it gave
    zip_error_t error{};

    explicit Reader(std::span<const std::byte> archive) : bytes(archive) { zip_error_init(&error); }
    ~Reader() { zip_error_fini(&error); }

    static zip_int64_t call(void* self, void* data, zip_uint64_t length, zip_source_cmd_t command) {
        return static_cast<Reader*>(self)->handle(data, length, command);
    }

    zip_int64_t handle(void* data, zip_uint64_t length, zip_source_cmd_t command) {
        switch (command) {
            case ZIP_SOURCE_OPEN:
                position = 0;
                return 0;
            case ZIP_SOURCE_READ:
                return read(data, length);
            case ZIP_SOURCE_SEEK: {
                const zip_int64_t target = zip_source_seek_compute_offset(position, bytes.size(), data, length, &error);
                if (target < 0) return -1;
                position = static_cast<uint64_t>(target);
                return 0;
            }
            case ZIP_SOURCE_TELL:
                return static_cast<zip_int64_t>(position);
            case ZIP_SOURCE_STAT: {
                auto* const stat = static_cast<zip_stat_t*>(data);
                zip_stat_init(stat);
                stat->valid = ZIP_STAT_SIZE;
                stat->size = bytes.size();
                return sizeof(zip_stat_t);
            }
            case ZIP_SOURCE_ERROR:
                return zip_error_to_data(&error, data, length);
            case ZIP_SOURCE_CLOSE:
            case ZIP_SOURCE_FREE:
                return 0;
            case ZIP_SOURCE_SUPPORTS:
                return zip_source_make_command_bitmap(ZIP_SOURCE_OPEN, ZIP_SOURCE_READ, ZIP_SOURCE_CLOSE,
                                                      ZIP_SOURCE_STAT, ZIP_SOURCE_ERROR, ZIP_SOURCE_FREE,
                                                      ZIP_SOURCE_SEEK, ZIP_SOURCE_TELL, ZIP_SOURCE_SUPPORTS, -1);
            default:
                zip_error_set(&error, ZIP_ER_OPNOTSUPP, 0);
                return -1;
        }
    }

    zip_int64_t read(void* data, zip_uint64_t length) {
        const uint64_t count = std::min<uint64_t>(length, bytes.size() - position);
        if (count > 0) std::memcpy(data, bytes.data() + position, count);
        last_read = position;
        last_read_bytes = count;
        position += count;
        return static_cast<zip_int64_t>(count);
    }
};

ZipFile::ZipFile(std::shared_ptr<const MappedFile> file)
    : file_(std::move(file)), reader_(std::make_unique<Reader>(file_->bytes())), zip_(nullptr, zip_discard) {
    const std::string where = file_->path().string();
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t* const source = zip_source_function_create(Reader::call, reader_.get(), &error);
    if (source == nullptr) throw Error(concat(where, ": ", message_of(error)));
    // ZIP_CHECKCONS stays off: what it wants of data descriptors in ZIP64 archives, torch's files do not have.
    zip_.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
    if (!zip_) {
        zip_source_free(source);
        throw InvalidRequest(concat(where, ": the zip archive is truncated or damaged (", message_of(error),
                                    "); the download may not be complete"));
    }
    zip_error_fini(&error);
    const auto count = static_cast<uint64_t>(zip_get_num_entries(zip_.get(), 0));
    for (uint64_t index = 0; index < count; ++index) {
        const char* const name = zip_get_name(zip_.get(), index, ZIP_FL_ENC_RAW);
        require_valid(name != nullptr, where, ": the zip archive has an entry without a name");
        require_valid(entries_.emplace(name, index).second, where, ": the zip entry ", quote(name), " appears twice");
    }
}

ZipFile::~ZipFile() = default;

std::vector<std::string> ZipFile::names() const {
    std::vector<std::string> all;
    for (const auto& [name, index] : entries_) all.push_back(name);
    return all;
}

std::span<const std::byte> ZipFile::data(const std::string& name) const {
    const std::string where = concat(file_->path().string(), ": zip entry ", quote(name));
    const auto found = entries_.find(name);
    require_valid(found != entries_.end(), where, " is missing");
    zip_stat_t stat;
    require_valid(zip_stat_index(zip_.get(), found->second, 0, &stat) == 0, where,
                  " cannot be examined: ", zip_strerror(zip_.get()));
    require_valid(stat.encryption_method == ZIP_EM_NONE, where, " is encrypted");
    require_valid(stat.comp_method == ZIP_CM_STORE, where, " is compressed (method ", stat.comp_method,
                  "), expected it stored as it is, as torch.save does");
    require_valid(stat.comp_size == stat.size, where, " has the sizes ", stat.comp_size, " and ", stat.size,
                  ", which must agree when it is stored as it is");
    if (stat.size == 0) return {};
    const size_t offset = data_offset(found->second, where);
    require_valid(stat.size <= file_->bytes().size() - offset, where, " of ", stat.size,
                  " bytes reaches beyond the end of the file; the file is truncated or damaged");
    return file_->bytes().subspan(offset, stat.size);
}

size_t ZipFile::data_offset(uint64_t index, const std::string& where) const {
    // As it lies in the archive: libzip then reads from us exactly what is read from it.
    const std::unique_ptr<zip_file_t, int (*)(zip_file_t*)> entry(zip_fopen_index(zip_.get(), index, ZIP_FL_COMPRESSED),
                                                                  zip_fclose);
    require_valid(entry != nullptr, where, " cannot be opened: ", zip_strerror(zip_.get()));
    char first = 0;
    require_valid(zip_fread(entry.get(), &first, 1) == 1, where, " reaches beyond the end of the file");
    require(reader_->last_read_bytes == 1, where, ": libzip read ahead, its place is unknown");
    return reader_->last_read;
}

}  // namespace t3video::checkpoint
