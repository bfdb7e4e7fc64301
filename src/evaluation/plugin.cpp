// Finds and loads the library of the meters that take OpenCV.
#include <dlfcn.h>

#include <filesystem>

#include "evaluation/opencv/plugin.h"

namespace t3video::evaluation {
namespace {

// Its own names come first in it, and nobody else sees them. It stays for as long as the program lives.
void* load(const std::filesystem::path& file) {
    return dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND);
}

}  // namespace

std::unique_ptr<Meter> plugin_meter(const char* name, const FilmShape& shape, const Metric* metrics) {
    constexpr const char* kLibrary = "libt3video_opencv.so";
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::read_symlink("/proc/self/exe", ignored).parent_path();
    void* library = load(folder / "lib" / kLibrary);
    if (!library) library = load(folder / "../lib/t3video" / kLibrary);
    if (!library) return nullptr;
    const auto make = reinterpret_cast<MakeMeter*>(dlsym(library, name));
    return std::unique_ptr<Meter>(make ? make(shape, metrics) : nullptr);
}

}  // namespace t3video::evaluation
