// Preloaded into a program, makes disks that refuse: writes to files whose path begins with $T3VIDEO_FULL fail as on a
// full disk, and with $T3VIDEO_NO_LOCKS files cannot be locked, as on some network file systems.
#include <dlfcn.h>
#include <sys/file.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

bool is_full(int descriptor) {
    const char* const begin = std::getenv("T3VIDEO_FULL");
    if (begin == nullptr) return false;
    char link[64], path[4096];
    std::snprintf(link, sizeof(link), "/proc/self/fd/%d", descriptor);
    const ssize_t length = readlink(link, path, sizeof(path) - 1);
    return length > 0 && std::strncmp(path, begin, std::strlen(begin)) == 0;
}

template <class Function>
Function* next(const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" ssize_t write(int descriptor, const void* bytes, size_t count) {
    if (is_full(descriptor)) {
        errno = ENOSPC;
        return -1;
    }
    return next<ssize_t(int, const void*, size_t)>("write")(descriptor, bytes, count);
}

extern "C" ssize_t writev(int descriptor, const iovec* parts, int count) {
    if (is_full(descriptor)) {
        errno = ENOSPC;
        return -1;
    }
    return next<ssize_t(int, const iovec*, int)>("writev")(descriptor, parts, count);
}

extern "C" int flock(int descriptor, int operation) {
    if (std::getenv("T3VIDEO_NO_LOCKS") != nullptr) {
        errno = ENOLCK;
        return -1;
    }
    return next<int(int, int)>("flock")(descriptor, operation);
}
