// A folder in which one process at a time works.
#pragma once

#include <filesystem>

namespace t3video::training {

class FolderLock {
  public:
    // Makes the folder where there is none. Throws InUse while another process holds it, saying what it `does`
    // ("encodes into this folder"); on disks without locks it holds nothing. A folder that it made and that stays empty
    // goes with it.
    FolderLock(const std::filesystem::path& folder, const char* does);
    ~FolderLock();
    FolderLock(const FolderLock&) = delete;
    FolderLock& operator=(const FolderLock&) = delete;

  private:
    std::filesystem::path made_;  // empty where it was there
    int descriptor_;
};

}  // namespace t3video::training
