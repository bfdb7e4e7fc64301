// Checks of a place to write to, and the partial file beside it.
#include "core/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "core/error.h"

namespace t3video {

namespace fs = std::filesystem;

fs::path partial_path(const fs::path& target) {
    fs::path partial = target;
    partial += ".partial";
    return partial;
}

void check_writable(const fs::path& target) {
    std::error_code ignored;  // what cannot be looked at fails below, when the file is created
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

    const fs::path partial = partial_path(target);
    int descriptor = open(partial.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    const bool created = descriptor >= 0;
    // A partial file that is already there (left by a killed run) is overwritten by the writer, not by this check.
    if (!created && errno == EEXIST) descriptor = open(partial.c_str(), O_WRONLY | O_CLOEXEC);
    if (descriptor < 0 && is_full(errno)) require_written(false, partial);
    require_valid(descriptor >= 0, name, ": cannot create ", partial.string(), ": ", std::strerror(errno),
                  "; choose a folder that can be written");
    close(descriptor);
    if (created) fs::remove(partial, ignored);
}

void remove_partial(const fs::path& target) {
    std::error_code ignored;
    const fs::path partial = partial_path(target);
    if (fs::is_regular_file(fs::symlink_status(partial, ignored))) fs::remove(partial, ignored);
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
    check_writable(target_);
}

PartialFile::~PartialFile() {
    std::error_code ignored;
    if (!committed_) fs::remove(partial_, ignored);
}

void PartialFile::commit() {
    const int descriptor = open(partial_.c_str(), O_RDONLY | O_CLOEXEC);
    require_written(descriptor >= 0, partial_);
    const int status = fsync(descriptor);
    const int reason = errno;
    close(descriptor);
    // EINVAL: a file system without fsync.
    errno = reason;
    require_written(status == 0 || reason == EINVAL, partial_);
    require_written(std::rename(partial_.c_str(), target_.c_str()) == 0, target_);
    committed_ = true;
}

}  // namespace t3video
