// A file that appears under its name only when it is complete.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

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

// Locks an open file or folder until it is closed; false where another has it. File systems without locks let everyone
// have it. The system gives locks back however a process ends.
bool try_lock(int descriptor);

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
    // Makes these bytes the file's. Throws WriteError.
    void write(std::string_view bytes);
    // Flushes the file to the disk and gives the lock back: it is whole and waits for its name. Once. Throws
    // WriteError.
    void finish();
    // Flushes it, unless it is finished, and renames it, replacing an older file of that name. What wrote it has closed
    // it. Throws WriteError.
    void commit();

  private:
    void flush();

    std::filesystem::path target_, partial_;
    int descriptor_;  // holds the lock; -1 once the file is whole
    bool committed_ = false;
};

// Makes a file of these bytes, or replaces one, whole or not at all. Throws as PartialFile does.
void replace_file(const std::filesystem::path& target, std::string_view bytes);

}  // namespace t3video
