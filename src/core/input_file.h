// Files that users name, read from front to back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <stop_token>
#include <string>
#include <string_view>

namespace t3video {

// Whether an input may be a pipe besides a regular file.
enum class Pipes : bool { refused, accepted };

// An open file. Refused with InvalidRequest, naming the path and `expected` ("a window layout"), where there is none or
// it cannot be opened, and where it is a folder, a device, a socket or a pipe: these are neither read nor waited on.
// With Pipes::accepted pipes are read too, as a shell's <(...) makes them; one that nobody writes to is empty. A stop
// that is requested ends the wait for a pipe.
class InputFile {
  public:
    InputFile(const std::filesystem::path& path, std::string_view expected, Pipes pipes = Pipes::refused,
              std::stop_token stop = {});
    ~InputFile();
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    // The next `count` bytes; fewer are there at the end only. Throws InvalidRequest where the disk fails, Stopped
    // where a pipe is waited on when a stop is requested.
    size_t read(char* to, size_t count);
    // The next `count` bytes, or those that are left.
    std::string read(size_t count);
    // Goes on at that byte. Throws InvalidRequest for a pipe.
    void seek(int64_t offset);
    int64_t bytes() const { return bytes_; }  // of a regular file, when it was opened; 0 of a pipe

  private:
    std::string name_;
    int descriptor_;
    std::stop_token stop_;
    int64_t bytes_ = 0;
};

constexpr size_t kLargestText = size_t{64} << 20;

// The whole of a text or JSON file. Throws InvalidRequest as InputFile does, and for more than `most` bytes.
std::string read_text_file(const std::filesystem::path& path, std::string_view expected, size_t most = kLargestText,
                           Pipes pipes = Pipes::refused, std::stop_token stop = {});

}  // namespace t3video
