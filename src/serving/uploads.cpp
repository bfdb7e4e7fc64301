// Files of strangers: bounded, looked at, named by their hash.
#include "serving/uploads.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <vector>

#include "core/output_file.h"
#include "core/paths.h"
#include "media/input/film_reader.h"

namespace t3video::serving {
namespace {

namespace fs = std::filesystem;
using Kind = Upload::Kind;

constexpr size_t kBegin = 16;                        // bytes by which a kind is told
constexpr std::string_view kArriving = "arriving-";  // names of files that are not whole yet

struct FileKind {
    size_t at;
    std::string_view begin;
    const char* ending;
    Kind kind;
};
// How files begin that clients may send, by their formats' specifications. A file that begins like none of them may
// still be a video.
constexpr std::array kKinds = {
    FileKind{0, "\x89PNG\r\n\x1a\n", ".png", Kind::image},
    FileKind{0, "\xff\xd8\xff", ".jpg", Kind::image},
    FileKind{8, "WEBP", ".webp", Kind::image},
    FileKind{4, "ftypavif", ".avif", Kind::image},
    FileKind{4, "ftyphei", ".heic", Kind::image},
    FileKind{4, "ftypmif1", ".heic", Kind::image},
    FileKind{0, "GIF8", ".gif", Kind::video},
    FileKind{4, "ftypqt", ".mov", Kind::video},
    FileKind{4, "ftyp", ".mp4", Kind::video},
    FileKind{0, "\x1a\x45\xdf\xa3", ".mkv", Kind::video},
    FileKind{0, "YUV4MPEG2", ".y4m", Kind::video},
    FileKind{8, "AVI ", ".avi", Kind::video},
};
constexpr FileKind kOther{0, "", ".video", Kind::video};

const FileKind& kind_of_file(std::string_view begin) {
    const auto* found = std::ranges::find_if(kKinds, [&](const FileKind& kind) {
        return begin.size() > kind.at && begin.substr(kind.at).starts_with(kind.begin);
    });
    return found == kKinds.end() ? kOther : *found;
}

const FileKind* kind_of_ending(const std::string& ending) {
    if (ending == kOther.ending) return &kOther;
    const auto* found = std::ranges::find(kKinds, ending, &FileKind::ending);
    return found == kKinds.end() ? nullptr : found;
}

// 64 hexadecimal digits and one of the endings: no other name is looked for.
const FileKind* kind_of_name(const std::string& id) {
    constexpr size_t kDigits = 64;
    if (id.size() <= kDigits || id.find_first_not_of("0123456789abcdef") != kDigits) return nullptr;
    return kind_of_ending(id.substr(kDigits));
}

// Reads its first frame, whole. Throws InvalidRequest.
void look_at(const fs::path& path, Upload& upload, int64_t memory) {
    const auto reader =
        upload.kind == Kind::image ? media::open_picture(path, memory) : media::open_frames(path, memory);
    require_valid(reader->read([](const uint8_t*) {}), "it has no frames");
    upload.width = reader->width();
    upload.height = reader->height();
    upload.fps = reader->fps();
}

// Its time says when it was last asked for.
void touch(const fs::path& path) {
    std::error_code ignored;
    fs::last_write_time(path, fs::file_time_type::clock::now(), ignored);
}

Message too_large(int64_t limit) {
    return Message("a file of more than ", limit, " bytes; this server takes smaller ones");
}

}  // namespace

Uploads::Uploads(fs::path folder, const UploadLimits& limits) : folder_(std::move(folder)), limits_(limits) {
    for (const fs::path& path : entries_of(folder_)) {
        std::error_code ignored;
        if (path.filename().string().starts_with(kArriving)) {
            fs::remove(path, ignored);
        } else {
            bytes_ += file_bytes(path);
        }
    }
}

Uploads::Writer::Writer(Uploads& uploads) : uploads_(uploads) {
    std::string name = (uploads_.folder_ / concat(kArriving, "XXXXXX")).string();
    descriptor_ = mkostemp(name.data(), O_CLOEXEC);
    path_ = name;
    if (descriptor_ < 0 && is_full(errno))
        throw Refused(Refused::Kind::disk_full, Message("the disk of the data folder is full"));
    require(descriptor_ >= 0, path_.string(), ": cannot be made");
}

Uploads::Writer::~Writer() {
    uploads_.arriving_ -= bytes_;
    if (descriptor_ >= 0) close(descriptor_);
    std::error_code ignored;
    if (!path_.empty()) fs::remove(path_, ignored);
}

void Uploads::Writer::write(std::string_view bytes) {
    constexpr int64_t kOften = int64_t{1} << 20;  // bytes between looks for room
    bytes_ += static_cast<int64_t>(bytes.size());
    uploads_.arriving_ += static_cast<int64_t>(bytes.size());
    if (uploads_.shortage_ && (checked_ == 0 || bytes_ - checked_ > kOften)) {
        checked_ = bytes_;
        if (const std::string why = uploads_.shortage_(); !why.empty())
            throw Refused(Refused::Kind::disk_full, Message(why));
    }
    if (bytes_ > uploads_.limits_.bytes) throw Refused(Refused::Kind::too_large, too_large(uploads_.limits_.bytes));
    if (begin_.size() < kBegin) begin_ += bytes.substr(0, kBegin - begin_.size());
    hash_.add(bytes);
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0 && is_full(errno))
            throw Refused(Refused::Kind::disk_full, Message("the disk of the data folder is full"));
        require(count > 0, path_.string(), ": cannot be written");
        bytes.remove_prefix(static_cast<size_t>(count));
    }
}

Upload Uploads::Writer::finish(const std::string& field) {
    const FileKind& kind = kind_of_file(begin_);
    Upload upload{.id = hash_.text() + kind.ending, .kind = kind.kind, .bytes = bytes_};
    require_valid(bytes_ > 0, Field(field), ": an empty file; expected a picture or a video");
    // Some formats are told by their endings alone.
    const fs::path whole = path_.string() + kind.ending;
    fs::rename(path_, whole);
    path_ = whole;
    try {
        const std::lock_guard one_by_one(uploads_.looking_);
        look_at(path_, upload, uploads_.limits_.memory);
    } catch (const InvalidRequest& error) {
        const Message said = error.message().with_words([&](std::string words) {
            if (const size_t at = words.find(path_.string()); at != std::string::npos)
                words.replace(at, path_.string().size(), "the file");
            return words;
        });
        throw InvalidRequest(Message(Field(field), ": not a picture or video that can be read: ", said));
    }
    require_written(fsync(descriptor_) == 0, path_);
    close(std::exchange(descriptor_, -1));
    const fs::path path = uploads_.path_of(upload.id);
    const std::lock_guard lock(uploads_.mutex_);
    if (name_exists(path)) {
        touch(path);
        return upload;
    }
    give_name(path_, path);
    path_.clear();
    uploads_.bytes_ += bytes_;
    upload.is_new = true;
    return upload;
}

Upload Uploads::add(std::string_view bytes, const std::string& field) {
    Writer writer(*this);
    writer.write(bytes);
    return writer.finish(field);
}

Kind Uploads::kind_of(const std::string& id, const std::string& field) const {
    const FileKind* kind = kind_of_name(id);
    const std::lock_guard lock(mutex_);
    require_valid(kind != nullptr && name_exists(path_of(id)), Field(field), ": no upload of that name; send the file");
    touch(path_of(id));
    return kind->kind;
}

Upload Uploads::find(const std::string& id, const std::string& field) {
    Upload upload{.id = id, .kind = kind_of(id, field)};
    const std::lock_guard one_by_one(looking_);
    look_at(path_of(id), upload, limits_.memory);
    return upload;
}

void Uploads::take_back(const Upload& upload, const std::function<bool(const std::string& id)>& is_used) {
    if (!upload.is_new || is_used(upload.id)) return;
    const std::lock_guard lock(mutex_);
    const int64_t bytes = file_bytes(path_of(upload.id));
    std::error_code ignored;
    if (fs::remove(path_of(upload.id), ignored)) bytes_ -= bytes;
}

void Uploads::sweep(const std::function<bool(const std::string& id)>& is_used) {
    const auto oldest = fs::file_time_type::clock::now() - std::chrono::seconds(limits_.keep_seconds);
    for (const fs::path& path : entries_of(folder_)) {
        const std::string id = path.filename().string();
        std::error_code error;
        const auto is_old = [&] { return fs::last_write_time(path, error) < oldest && !error; };
        if (!kind_of_name(id) || !is_old() || is_used(id)) continue;
        const std::lock_guard lock(mutex_);
        if (!is_old()) continue;  // asked for meanwhile
        const int64_t bytes = file_bytes(path);
        if (fs::remove(path, error)) bytes_ -= bytes;
    }
}

int64_t Uploads::bytes() const {
    const std::lock_guard lock(mutex_);
    return bytes_ + arriving_;
}

}  // namespace t3video::serving
