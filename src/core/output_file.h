// A file that appears under its name only when it is complete.
#pragma once

#include <filesystem>
#include <string>

#include "core/error.h"

namespace t3video {

// The system did not take the bytes: no space left, a quota, a broken disk. Not our mistake, and not a wrong request.
class WriteError : public Error {
  public:
    using Error::Error;
};

// Whether `reason`, a value of errno, says that a disk or a quota is full.
bool is_full(int reason);
// The system's words for it, and where the disk is full, what to do.
std::string words_of_refusal(int reason);

// Throws WriteError, naming the file and the system's reason in errno, unless `written`.
void require_written(bool written, const std::filesystem::path& file);

// The file beside `target` that is written first: "<name>.partial".
std::filesystem::path partial_path(const std::filesystem::path& target);

// Throws InvalidRequest, naming the path and what would be right, unless a file can be made there: `target` is not a
// folder or a device, its folder exists, and "<name>.partial" could be created in it (tried, and removed again) and is
// not being written by another process. WriteError where the disk has no room even for that.
void check_writable(const std::filesystem::path& target);

// Removes "<name>.partial" if a killed run left one there: a regular file that nobody writes, no link or device.
void remove_partial(const std::filesystem::path& target);

// Owns "<name>.partial", empty or as a killed run left it, until commit() gives it its name; without commit() the
// destructor removes it. Locked meanwhile, so that no two writers share it; the system gives locks back however a
// process ends.
class PartialFile {
  public:
    explicit PartialFile(std::filesystem::path target);  // throws as check_writable does
    ~PartialFile();
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;

    const std::filesystem::path& path() const { return partial_; }
    // Flushes the file to the disk and renames it, replacing an older file of that name. What wrote it has closed it.
    // Throws WriteError.
    void commit();

  private:
    std::filesystem::path target_, partial_;
    int descriptor_;  // holds the lock
    bool committed_ = false;
};

}  // namespace t3video
