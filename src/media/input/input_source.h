// A file as FFmpeg's demuxers read it; included by this folder's .cpp files only.
#pragma once

#include <string_view>

#include "core/input_file.h"
#include "media/ffmpeg.h"

namespace t3video::media {

// As check_av, for what is wrong with the user's file.
template <class... Parts>
int check_file(int status, const Parts&... parts) {
    if (status < 0) throw InvalidRequest(concat(parts..., ": ", error_text(status)));
    return status;
}

// Bytes that FFmpeg reads, of a file that it does not open itself: names in it have no meaning.
class InputSource {
  public:
    explicit InputSource(const std::filesystem::path& path);
    ~InputSource();
    InputSource(const InputSource&) = delete;
    InputSource& operator=(const InputSource&) = delete;

    // What kind of file it is. Throws InvalidRequest for what FFmpeg does not know, and for lists of other files.
    const AVInputFormat* probe();
    // Its container, of that kind. Refers to this object.
    InputPtr open(const AVInputFormat* kind);
    // From here on the file ends after so many bytes.
    void end_at(int64_t bytes) { bytes_ = std::min(bytes, bytes_); }
    int64_t bytes() const { return bytes_; }

  private:
    static int read(void* self, uint8_t* to, int count);
    static int64_t seek(void* self, int64_t offset, int whence);

    std::string name_;  // for messages
    InputFile file_;
    int64_t bytes_, at_ = 0;
    AVIOContext* io_ = nullptr;
};

// Whether a container is one picture's file.
bool is_still(const AVInputFormat& kind);

}  // namespace t3video::media
