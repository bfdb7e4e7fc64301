// Locks by the system's means, which end with the process.
#include "training/data/folder_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

#include "core/output_file.h"
#include "core/paths.h"

namespace t3video::training {

FolderLock::FolderLock(const std::filesystem::path& folder, const char* does) {
    require_valid(is_folder(folder) || !is_there(folder), folder.string(), ": is no folder");
    if (!is_there(folder)) made_ = folder;
    make_folders(folder);
    descriptor_ = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    require_valid(descriptor_ >= 0, folder.string(), ": ", std::strerror(errno));
    if (try_lock(descriptor_) != LockState::busy) return;
    close(descriptor_);
    throw InUse(concat(folder.string(), ": another process ", does));
}

FolderLock::~FolderLock() {
    close(descriptor_);
    std::error_code ignored;
    if (!made_.empty()) std::filesystem::remove(made_, ignored);  // refused for one that holds something
}

}  // namespace t3video::training
