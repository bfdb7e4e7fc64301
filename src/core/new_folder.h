// A folder for what may come to nothing.
#pragma once

#include <filesystem>
#include <vector>

#include "core/message.h"

namespace t3video {

// Makes a folder and those above it, where they are not there yet. Those that it made go with it, unless something is
// in them then.
class NewFolder {
  public:
    // Throws InvalidRequest, beginning with `what` (the field that names the folder), saying why there cannot be one.
    NewFolder(const std::filesystem::path& folder, const Message& what);
    ~NewFolder();
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;

  private:
    void remove_empty() const;

    std::vector<std::filesystem::path> made_;  // the last one first
};

}  // namespace t3video
