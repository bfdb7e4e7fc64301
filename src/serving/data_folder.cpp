// Folders and their lock.
#include "serving/data_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/error.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "core/readable_bytes.h"
#include "job/job_files.h"

namespace t3video::serving {
namespace fs = std::filesystem;
DataFolder::DataFolder(fs::path root, int64_t bound, int64_t reserve)
    : root_(absolute_path(root).lexically_normal()), bound_(bound), reserve_(reserve) {
    make_folders(films());
    make_folders(uploads());
    const fs::path lock = root_ / "lock";
    lock_ = open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    require_valid(lock_ >= 0, Field("data", root_.string()), ": cannot be written; choose a folder that can");
    if (try_lock(lock_) != LockState::busy) return;
    close(lock_);
    throw InUse(Message(Field("data", root_.string()),
                        ": is in use by another t3video server; stop that one, or give "
                        "this one another folder"));
}

DataFolder::~DataFolder() {
    close(lock_);
}

int64_t DataFolder::free_bytes() const {
    std::error_code error;
    const fs::space_info space = fs::space(root_, error);
    return error ? 0 : static_cast<int64_t>(space.available);
}

std::string DataFolder::shortage(int64_t used) const {
    if (bound_ > 0 && used >= bound_)
        return concat("the data folder holds ", readable_bytes(used), " of ", readable_bytes(bound_, Rounded::down),
                      " that it may take; remove films, or allow more");
    for (const fs::path& folder : {root_, films(), uploads()}) {
        if (::access(folder.c_str(), W_OK | X_OK) != 0)
            return concat("the data folder cannot be written: ", std::strerror(errno));
    }
    if (const int64_t free = free_bytes(); free < reserve_)
        return concat("the disk of the data folder has ", readable_bytes(free, Rounded::down), " left, of which ",
                      readable_bytes(reserve_), " stay free; make room");
    return {};
}

std::vector<std::string> DataFolder::film_ids() const {
    std::vector<std::string> ids;
    for (const fs::path& folder : entries_of(films())) ids.push_back(folder.filename().string());
    return ids;
}

void DataFolder::make_film(const std::string& id) const {
    std::error_code error;
    fs::create_directories(film(id), error);
    if (error) throw WriteError(concat(film(id).string(), ": ", words_of_refusal(error.value())));
    // A power cut takes no folder of a film that is told to be there.
    const int folder = open(films().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder >= 0) {
        fsync(folder);
        close(folder);
    }
}

void DataFolder::remove_film(const std::string& id) const {
    std::error_code error;
    fs::remove_all(film(id), error);
    require(!error, film(id).string(), ": cannot be removed: ", error.message());
}

bool DataFolder::holds_only_job(const std::string& id) const {
    const auto entries = entries_of(film(id));
    return entries.size() == 1 && entries.front() == job(id);
}

int64_t DataFolder::film_bytes(const std::string& id) const {
    int64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator entry(film(id), error), end; !error && entry != end; entry.increment(error)) {
        std::error_code gone;
        const auto size = entry->is_regular_file(gone) ? entry->file_size(gone) : 0;
        if (!gone) bytes += static_cast<int64_t>(size);
    }
    return bytes;
}

void DataFolder::share_job(const std::string& from, const std::string& to) const {
    const fs::path source = job(from), target = job(to);
    std::error_code error;
    fs::create_directories(target, error);
    for (const char* name : {job::kRequest, job::kEmbeddings, job::kInput, job::kLatents}) {
        if (error) break;
        if (!is_there(source / name)) continue;
        fs::create_hard_link(source / name, target / name, error);
        if (error) fs::copy_file(source / name, target / name, error);  // a disk without links
    }
    if (error) throw WriteError(concat(target.string(), ": ", words_of_refusal(error.value())));
}

}  // namespace t3video::serving
