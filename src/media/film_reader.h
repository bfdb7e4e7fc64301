// Pictures and videos as input: 8-bit RGB, frame by frame.
#pragma once

#include <filesystem>
#include <memory>

#include "media/frame.h"

namespace t3video::media {

class FrameReader {
  public:
    virtual ~FrameReader() = default;
    FrameReader(const FrameReader&) = delete;
    FrameReader& operator=(const FrameReader&) = delete;

    // The next frame; false at the end. Throws InvalidRequest for damaged data and for a size that changes.
    virtual bool read(Image& image) = 0;
    virtual double fps() const = 0;  // 0 where the input does not say

  protected:
    FrameReader() = default;
};

// A video file, in builds with FFmpeg, or a folder of PNG pictures in the order of their names. Throws InvalidRequest
// for what is neither.
std::unique_ptr<FrameReader> open_frames(const std::filesystem::path& path);

// A PNG picture, or with FFmpeg also JPEG, WebP and others. What is transparent in a PNG lies on white, in other files
// it is shown as if it were not; an orientation in EXIF data is ignored. Throws InvalidRequest for a file that is
// absent, damaged or no picture.
Image read_picture(const std::filesystem::path& path);

// By FFmpeg; in builds without it these throw InvalidRequest saying what can be read instead.
std::unique_ptr<FrameReader> open_video_frames(const std::filesystem::path& path);
Image read_other_picture(const std::filesystem::path& path);

}  // namespace t3video::media
