// Makes folders and remembers which.
#include "core/new_folder.h"

#include <system_error>

#include "core/error.h"
#include "core/paths.h"

namespace t3video {

namespace fs = std::filesystem;

NewFolder::NewFolder(const fs::path& folder, const Message& what) {
    std::error_code refusal;
    require_valid(fs::is_directory(folder, refusal) || !name_exists(folder), what, ": is ",
                  fs::exists(folder, refusal) ? "no folder" : "a link that leads nowhere", "; name a folder");
    for (fs::path path = folder; !path.empty() && !name_exists(path); path = path.parent_path()) made_.push_back(path);
    fs::create_directories(folder, refusal);
    if (!refusal) return;
    remove_empty();
    throw InvalidRequest(Message(what, ": cannot be made (", refusal.message(), "); name another folder"));
}

NewFolder::~NewFolder() {
    remove_empty();
}

void NewFolder::remove_empty() const {
    std::error_code ignored;
    for (const fs::path& path : made_) fs::remove(path, ignored);  // refused where something is in it
}

}  // namespace t3video
