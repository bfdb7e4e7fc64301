// Checks of a place to write to, and the partial file beside it.
#include "core/output_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>
#include <utility>

#include "core/error.h"

namespace t3video {

namespace fs = std::filesystem;

namespace {

bool is_open_file(const fs::path& path, int descriptor) {
    using Status = struct stat;
    Status named{}, opened{};
    return stat(path.c_str(), &named) == 0 && fstat(descriptor, &opened) == 0 && named.st_ino == opened.st_ino &&
           named.st_dev == opened.st_dev;
}

struct Locked {
    int descriptor;
    bool created;  // else a killed run left it, or the place does not let go of its files
};

// Opens and locks the partial file of `target`. Others hold the lock for an instant when they check the place, or as
// long as they write: the first is waited for.
Locked lock_partial(const fs::path& target, const fs::path& partial) {
    constexpr int kTries = 20;
    for (int i = 0; i < kTries; ++i) {
        int descriptor = open(partial.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
        const bool created = descriptor >= 0;
        if (!created && errno == EEXIST) {
            descriptor = open(partial.c_str(), O_RDWR | O_CLOEXEC);
            if (descriptor < 0 && errno == ENOENT) continue;  // gone in between
        }
        if (descriptor < 0 && is_full(errno)) require_written(false, partial);
        require_valid(descriptor >= 0, target.string(), ": cannot create ", partial.string(), ": ",
                      std::strerror(errno),
                      errno == ENAMETOOLONG ? "; choose a shorter name" : "; choose a folder that can be written");
        if (try_lock(descriptor) && is_open_file(partial, descriptor)) return {descriptor, created};
        close(descriptor);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw InvalidRequest(concat(target.string(), ": another process is writing ", partial.string(),
                                "; wait for it to end, or choose another name"));
}

// What can be said without touching the place.
void check_place(const fs::path& target) {
    std::error_code ignored;  // what cannot be looked at fails when the file is created
    const std::string name = target.string();
    const fs::file_status status = fs::status(target, ignored);
    require_valid(!fs::is_directory(status), name, ": is a folder; give the name of a file in it");
    require_valid(target.has_filename(), "'", name, "': expected a file name");
    require_valid(!fs::exists(status) || fs::is_regular_file(status), name,
                  ": is not a regular file; choose another name");

    const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
    const fs::file_status folder_status = fs::status(folder, ignored);
    require_valid(folder_status.type() != fs::file_type::not_found, name, ": folder ", folder.string(),
                  " does not exist; create it first");
    require_valid(folder_status.type() == fs::file_type::unknown || folder_status.type() == fs::file_type::none ||
                      fs::is_directory(folder_status),
                  name, ": ", folder.string(), " is not a folder; choose a path below a folder");
}

}  // namespace

bool try_lock(int descriptor) {
    return flock(descriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK;
}

fs::path partial_path(const fs::path& target) {
    fs::path partial = target;
    partial += ".partial";
    return partial;
}

void check_writable(const fs::path& target) {
    check_place(target);
    const fs::path partial = partial_path(target);
    const Locked file = lock_partial(target, partial);
    std::error_code ignored;
    // What a killed run left is overwritten by the writer, not by this check.
    if (file.created) fs::remove(partial, ignored);
    close(file.descriptor);
}

void remove_partial(const fs::path& target) {
    std::error_code ignored;
    const fs::path partial = partial_path(target);
    if (!fs::is_regular_file(fs::symlink_status(partial, ignored))) return;
    const int descriptor = open(partial.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (descriptor < 0 || try_lock(descriptor)) fs::remove(partial, ignored);
    if (descriptor >= 0) close(descriptor);
}

bool is_full(int reason) {
    return reason == ENOSPC || reason == EDQUOT;
}

std::string words_of_refusal(int reason) {
    return concat(reason != 0 ? std::strerror(reason) : "unknown",
                  is_full(reason) ? "; make room and give the same command again" : "");
}

void require_written(bool written, const fs::path& file) {
    if (written) return;
    const int reason = errno;
    throw WriteError(concat(file.string(), ": cannot be written: ", words_of_refusal(reason)));
}

PartialFile::PartialFile(fs::path target) : target_(std::move(target)), partial_(partial_path(target_)) {
    check_place(target_);
    descriptor_ = lock_partial(target_, partial_).descriptor;
}

PartialFile::~PartialFile() {
    std::error_code ignored;
    if (!committed_) fs::remove(partial_, ignored);
    if (descriptor_ >= 0) close(descriptor_);
}

void PartialFile::write(std::string_view bytes) {
    require(descriptor_ >= 0, partial_.string(), ": is whole already");
    // EINVAL: a device, which has no length.
    require_written(ftruncate(descriptor_, 0) == 0 || errno == EINVAL, partial_);
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
        require_written(count > 0 || (count < 0 && errno == EINTR), partial_);
        if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
    }
}

void PartialFile::finish() {
    flush();
    close(std::exchange(descriptor_, -1));
}

void PartialFile::flush() {
    // EINVAL: a file system without fsync.
    require_written(fsync(descriptor_) == 0 || errno == EINVAL, partial_);
}

void PartialFile::commit() {
    if (descriptor_ >= 0) flush();
    require_written(std::rename(partial_.c_str(), target_.c_str()) == 0, target_);
    committed_ = true;
}

void replace_file(const fs::path& target, std::string_view bytes) {
    PartialFile file(target);
    file.write(bytes);
    file.commit();
}

}  // namespace t3video
