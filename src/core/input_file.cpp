// The file is opened without waiting, and asked what it is once it is open: a name could change what it stands for.
#include "core/input_file.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>

#include "core/error.h"

namespace t3video {
namespace {

const char* kind_of(mode_t mode) {
    if (S_ISDIR(mode)) return "a folder";
    if (S_ISFIFO(mode)) return "a pipe";
    if (S_ISSOCK(mode)) return "a socket";
    return "a device";
}

// "https://...": a scheme and two slashes.
bool is_address(std::string_view name) {
    const size_t scheme = name.find("://");
    const auto is_plain = [](unsigned char c) { return std::isalnum(c) != 0; };
    return scheme != std::string_view::npos && scheme > 1 && std::ranges::all_of(name.substr(0, scheme), is_plain);
}

}  // namespace

InputFile::InputFile(const std::filesystem::path& path, std::string_view expected, Pipes pipes, std::stop_token stop)
    : name_(path.string()),
      descriptor_(open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)),
      stop_(std::move(stop)) {
    const int reason = errno;
    require_valid(descriptor_ >= 0 || !is_address(name_), name_,
                  ": addresses are not read; download it and give the file; expected ", expected);
    require_valid(descriptor_ >= 0 || reason != ENOENT, name_, ": no such file; expected ", expected);
    // ENXIO: a socket, which cannot be opened.
    require_valid(descriptor_ >= 0 || reason != ENXIO, name_, ": is no file; expected ", expected);
    require_valid(descriptor_ >= 0, name_, ": ", std::strerror(reason), "; expected ", expected);
    struct stat status {};
    const bool known = fstat(descriptor_, &status) == 0;
    const bool readable = known && (S_ISREG(status.st_mode) || (pipes == Pipes::accepted && S_ISFIFO(status.st_mode)));
    if (!readable) {
        close(descriptor_);
        throw InvalidRequest(
            concat(name_, ": is ", known ? kind_of(status.st_mode) : "no file", "; expected ", expected));
    }
    if (S_ISREG(status.st_mode)) bytes_ = status.st_size;
}

InputFile::~InputFile() {
    close(descriptor_);
}

size_t InputFile::read(char* to, size_t count) {
    size_t done = 0;
    while (done < count) {
        const ssize_t n = ::read(descriptor_, to + done, count - done);
        if (n == 0) break;
        if (n > 0) {
            done += static_cast<size_t>(n);
        } else if (errno == EAGAIN) {
            if (stop_.stop_requested()) throw Stopped(Message("stopped while ", name_, " was read"));
            pollfd wanted{descriptor_, POLLIN, 0};
            constexpr int kMilliseconds = 100;  // a wish to stop is seen no later
            poll(&wanted, 1, kMilliseconds);
        } else {
            require_valid(errno == EINTR, name_, ": cannot be read: ", std::strerror(errno));
        }
    }
    return done;
}

std::string InputFile::read(size_t count) {
    constexpr size_t kPiece = size_t{1} << 16;  // memory follows what is there, not what was asked for
    std::string text;
    while (text.size() < count) {
        const size_t before = text.size(), wanted = std::min(count - before, std::max(kPiece, before));
        text.resize(before + wanted);
        text.resize(before + read(text.data() + before, wanted));
        if (text.size() < before + wanted) break;
    }
    return text;
}

void InputFile::seek(int64_t offset) {
    require_valid(lseek(descriptor_, offset, SEEK_SET) == offset, name_, ": cannot be read: ", std::strerror(errno));
}

std::string read_text_file(const std::filesystem::path& path, std::string_view expected, size_t most, Pipes pipes,
                           std::stop_token stop) {
    InputFile file(path, expected, pipes, std::move(stop));
    std::string text = file.read(most + 1);
    require_valid(text.size() <= most, path.string(), ": more than ", most >> 20, " MiB; expected ", expected);
    return text;
}

}  // namespace t3video
