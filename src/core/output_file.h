// A file that appears under its name only when it is complete.
#pragma once

#include <sys/types.h>

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

// Another process has locked it and will release it.
class InUse : public InvalidRequest {
  public:
    using InvalidRequest::InvalidRequest;
};

// Whether `reason`, a value of errno, says that a disk or a quota is full, or a file as large as it may be.
bool is_full(int reason);
// The system's words for it, and where something is full, what to do.
std::string words_of_refusal(int reason);

// Throws WriteError, naming the file and the system's reason in errno, unless `written`.
void require_written(bool written, const std::filesystem::path& file);

enum class LockState { locked, busy, unsupported };
// Locks an open file or folder until it is closed. The system releases locks however a process ends; some network
// file systems have none.
LockState try_lock(int descriptor);

// Whether both names lead to the same file or folder, by device and inode; false where one leads nowhere.
bool is_same_file(const std::filesystem::path& a, const std::filesystem::path& b);

// The file beside `target` that is written first: "<name>.partial", or with an owner "<name>.<owner>.partial". An
// owner is the id of what the file belongs to: no other file has such a name.
std::filesystem::path partial_path(const std::filesystem::path& target, const std::string& owner = {});

// Throws InvalidRequest, naming the path and what would be right, unless a file can be made there: `target` is not a
// folder or a device, its folder exists and takes new files, and the name leaves room for a partial file's. WriteError
// where the disk has no room even for that.
void check_writable(const std::filesystem::path& target);

// Removes the partial file if a killed run left one: a regular file with this one name that nobody writes.
void remove_partial(const std::filesystem::path& target, const std::string& owner = {});
// The same for all files of a folder with such an owner; an empty path is the current folder.
void remove_partials(const std::filesystem::path& folder, const std::string& owner);

// Owns the partial file of `target`, empty or as a killed run left it, until commit() gives it its name; without
// commit() the destructor removes it. Locked meanwhile, so that no two writers share it.
class PartialFile {
  public:
    // Throws as check_writable does, also where something else has the partial file's name; InUse while another process
    // writes it.
    explicit PartialFile(std::filesystem::path target, const std::string& owner = {});
    ~PartialFile();
    PartialFile(const PartialFile&) = delete;
    PartialFile& operator=(const PartialFile&) = delete;

    const std::filesystem::path& target() const { return target_; }
    const std::filesystem::path& path() const { return partial_; }
    // Makes these bytes the file's. Throws WriteError.
    void write(std::string_view bytes);
    // Flushes the file to the disk and releases the lock: it is whole and waits for its name. What wrote it has
    // closed it. A second call does nothing. Throws WriteError.
    void finish();
    // Finishes it and renames it, replacing an older file of that name; flushes the folder. Throws WriteError.
    void commit();

  private:
    std::filesystem::path target_, partial_;
    int descriptor_;  // holds the lock; -1 once the file is whole
    bool committed_ = false;
};

// Gives a whole file its name, replacing an older file, and flushes the folder. Throws WriteError.
void give_name(const std::filesystem::path& whole, const std::filesystem::path& name);

// Makes a file of these bytes, or replaces one, whole or not at all. Throws as PartialFile does.
void replace_file(const std::filesystem::path& target, std::string_view bytes);

}  // namespace t3video
