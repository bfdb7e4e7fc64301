// Checks of a path to write to, and the partial file beside it.
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
#include <vector>

#include "core/error.h"
#include "core/paths.h"

namespace t3video {

namespace fs = std::filesystem;

namespace {

using Status = struct stat;

constexpr std::string_view kPartial = ".partial";
constexpr size_t kLongestOwner = 16;

bool is_open_file(const fs::path& path, const Status& opened) {
    Status named{};
    return lstat(path.c_str(), &named) == 0 && named.st_ino == opened.st_ino && named.st_dev == opened.st_dev;
}

[[noreturn]] void refuse(const fs::path& target, const fs::path& partial, int reason) {
    if (is_full(reason)) throw WriteError(concat(partial.string(), ": cannot be written: ", words_of_refusal(reason)));
    throw InvalidRequest(
        concat(target.string(), ": cannot create ", partial.string(), ": ", std::strerror(reason),
               reason == ENAMETOOLONG ? "; choose a shorter name" : "; choose a folder that can be written"));
}

// Opens and locks the partial file of `target`: a new one, or what a killed run left. Another process may hold the lock
// for an instant, when it removes such a file: that is waited for.
int lock_partial(const fs::path& target, const fs::path& partial) {
    constexpr int kTries = 20;
    for (int i = 0; i < kTries; ++i) {
        // O_NONBLOCK: a pipe of that name is not waited on.
        const int descriptor = open(partial.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
        Status opened{};
        const bool ours = descriptor >= 0
                              ? fstat(descriptor, &opened) == 0 && S_ISREG(opened.st_mode) && opened.st_nlink <= 1
                              : errno != ELOOP && errno != ENXIO && errno != EISDIR;
        if (descriptor < 0 && ours) refuse(target, partial, errno);
        if (!ours) {
            if (descriptor >= 0) close(descriptor);
            throw InvalidRequest(concat(partial.string(),
                                        ": is in the way, and was not made here (a link, or no file); ",
                                        "remove it, or choose another name"));
        }
        if (try_lock(descriptor) != LockState::busy && is_open_file(partial, opened)) return descriptor;
        close(descriptor);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    throw InUse(concat(target.string(), ": another process is writing ", partial.string(),
                       "; wait for it to end, or choose another name"));
}

// Whether it is on the disk; EINVAL and ENOTSUP: of a file system that cannot say.
bool flushed(int descriptor) {
    return fsync(descriptor) == 0 || errno == EINVAL || errno == ENOTSUP;
}

// What can be checked without creating a file.
void check_target(const fs::path& target) {
    std::error_code ignored;  // what cannot be looked at fails when the file is created
    const std::string name = target.string();
    const fs::file_status status = fs::status(target, ignored);
    require_valid(!fs::is_directory(status), name, ": is a folder; give the name of a file in it");
    require_valid(target.has_filename(), "'", name, "': expected a file name");
    require_valid(!fs::exists(status) || fs::is_regular_file(status), name,
                  ": is not a regular file; choose another name");

    const fs::path folder = folder_above(target);
    const fs::file_status folder_status = fs::status(folder, ignored);
    require_valid(folder_status.type() != fs::file_type::not_found, name, ": folder ", folder.string(),
                  " does not exist; create it first");
    require_valid(folder_status.type() == fs::file_type::unknown || folder_status.type() == fs::file_type::none ||
                      fs::is_directory(folder_status),
                  name, ": ", folder.string(), " is not a folder; choose a path below a folder");
}

}  // namespace

LockState try_lock(int descriptor) {
    if (flock(descriptor, LOCK_EX | LOCK_NB) == 0) return LockState::locked;
    return errno == EWOULDBLOCK ? LockState::busy : LockState::unsupported;
}

bool is_same_file(const fs::path& a, const fs::path& b) {
    Status first{}, second{};
    return stat(a.c_str(), &first) == 0 && stat(b.c_str(), &second) == 0 && first.st_ino == second.st_ino &&
           first.st_dev == second.st_dev;
}

fs::path partial_path(const fs::path& target, const std::string& owner) {
    fs::path partial = target;
    if (!owner.empty()) partial += "." + owner;
    partial += kPartial;
    return partial;
}

void check_writable(const fs::path& target) {
    check_target(target);
    // A file that never has a name, where the file system makes such.
    int descriptor = open(folder_above(target).c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (descriptor < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == ENOENT || errno == EINVAL)) {
        std::string name = (folder_above(target) / ".t3video-XXXXXX").string();
        descriptor = mkstemp(name.data());
        if (descriptor >= 0) unlink(name.c_str());
    }
    const fs::path partial = partial_path(target, std::string(kLongestOwner, 'x'));
    if (descriptor < 0) refuse(target, partial_path(target), errno);
    close(descriptor);
    const int64_t longest = pathconf(folder_above(target).c_str(), _PC_NAME_MAX);
    if (longest > 0 && static_cast<int64_t>(partial.filename().string().size()) > longest)
        refuse(target, partial_path(target), ENAMETOOLONG);
}

void remove_partial(const fs::path& target, const std::string& owner) {
    const fs::path partial = partial_path(target, owner);
    const int descriptor = open(partial.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    Status opened{};
    const bool left = descriptor >= 0 && fstat(descriptor, &opened) == 0 && S_ISREG(opened.st_mode) &&
                      opened.st_nlink == 1 && try_lock(descriptor) != LockState::busy;
    if (left && is_open_file(partial, opened)) unlink(partial.c_str());
    if (descriptor >= 0) close(descriptor);
}

void remove_partials(const fs::path& folder, const std::string& owner) {
    const std::string ending = concat(".", owner, kPartial);
    std::error_code error;
    std::vector<fs::path> targets;
    for (fs::directory_iterator entry(folder.empty() ? "." : folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.ends_with(ending)) targets.push_back(folder / name.substr(0, name.size() - ending.size()));
    }
    for (const fs::path& target : targets) remove_partial(target, owner);
}

bool is_full(int reason) {
    return reason == ENOSPC || reason == EDQUOT || reason == EFBIG;
}

std::string words_of_refusal(int reason) {
    const char* remedy =
        reason == EFBIG   ? "; allow larger files (ulimit -f, or another file system) and give the same command again"
        : is_full(reason) ? "; make room and give the same command again"
                          : "";
    return concat(reason != 0 ? std::strerror(reason) : "unknown", remedy);
}

void require_written(bool written, const fs::path& file) {
    if (written) return;
    const int reason = errno;
    throw WriteError(concat(file.string(), ": cannot be written: ", words_of_refusal(reason)));
}

PartialFile::PartialFile(fs::path target, const std::string& owner)
    : target_(std::move(target)), partial_(partial_path(target_, owner)) {
    require(owner.size() <= kLongestOwner, "partial file of ", target_.string(), ": owner ", owner);
    check_target(target_);
    descriptor_ = lock_partial(target_, partial_);
}

PartialFile::~PartialFile() {
    std::error_code ignored;
    if (!committed_) fs::remove(partial_, ignored);
    if (descriptor_ >= 0) close(descriptor_);
}

void PartialFile::write(std::string_view bytes) {
    require(descriptor_ >= 0, partial_.string(), ": is whole already");
    require_written(ftruncate(descriptor_, 0) == 0, partial_);
    while (!bytes.empty()) {
        const ssize_t count = ::write(descriptor_, bytes.data(), bytes.size());
        require_written(count > 0 || (count < 0 && errno == EINTR), partial_);
        if (count > 0) bytes.remove_prefix(static_cast<size_t>(count));
    }
}

void PartialFile::finish() {
    if (descriptor_ < 0) return;
    require_written(flushed(descriptor_), partial_);
    close(std::exchange(descriptor_, -1));
}

void PartialFile::commit() {
    // The lock is held until the file has its name, unless finish() released it.
    if (descriptor_ >= 0) require_written(flushed(descriptor_), partial_);
    give_name(partial_, target_);
    committed_ = true;
}

void give_name(const fs::path& whole, const fs::path& name) {
    require_written(std::rename(whole.c_str(), name.c_str()) == 0, name);
    const int folder = open(folder_above(name).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return;  // may be entered and written, not read
    const bool on_disk = flushed(folder);
    close(folder);
    require_written(on_disk, name);
}

void replace_file(const fs::path& target, std::string_view bytes) {
    PartialFile file(target);
    file.write(bytes);
    file.commit();
}

}  // namespace t3video
