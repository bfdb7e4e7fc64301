// Where the program's own files lie.
#include "film/bundled.h"

#include "core/paths.h"

namespace t3video::film {

namespace fs = std::filesystem;

fs::path bundled_folder(const char* name) {
    std::error_code ignored;
    const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path(), share = "share/t3video/models";
    for (const fs::path& models : {program / ".." / share,  // installed
                                   program / share,         // bundled
                                   fs::path(T3VIDEO_MODELS)}) {
        if (fs::is_directory(models / name, ignored)) return canonical_path(models / name);
    }
    return {};
}

}  // namespace t3video::film
