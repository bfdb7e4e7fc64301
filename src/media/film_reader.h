// Pictures and videos as input: 8-bit RGB, frame by frame and row by row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <stop_token>

#include "media/frame.h"

namespace t3video::media {

// Takes the rows of a frame from top to bottom, three code values for each pixel. They hold until it returns.
using RowSink = std::function<void(const uint8_t* row)>;

class FrameReader {
  public:
    virtual ~FrameReader() = default;
    FrameReader(const FrameReader&) = delete;
    FrameReader& operator=(const FrameReader&) = delete;

    // The next frame; false at the end. Throws InvalidRequest for damaged data and for a size that changes, Stopped
    // between rows once the caller that opened it asked for that.
    bool read(const RowSink& sink);
    // The same as a whole.
    bool read(Image& image);

    int64_t width() const { return width_; }  // of every frame; known before one is read
    int64_t height() const { return height_; }
    virtual double fps() const { return 0; }  // 0 where the input does not say
    // Memory that reading takes, without what the rows become.
    virtual int64_t bytes() const = 0;

    // From now on a stop that is requested ends read().
    void stop_on(std::stop_token stop) { stop_ = std::move(stop); }

  protected:
    FrameReader() = default;
    virtual bool next(const RowSink& sink) = 0;

    int64_t width_ = 0, height_ = 0;

  private:
    std::stop_token stop_;
};

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// A video file, in builds with FFmpeg, or a folder of PNG pictures in the order of their names. Throws InvalidRequest
// for what is neither, and for a video whose frames cannot be read within so many bytes, before one is. Once `stop` is
// requested, reading throws Stopped.
std::unique_ptr<FrameReader> open_frames(const std::filesystem::path& path, int64_t memory = kNoLimit,
                                         std::stop_token stop = {});

// One frame: a PNG picture, which is read row by row, or with FFmpeg also a JPEG, WebP and others, which are decoded as
// a whole. What is transparent in a PNG lies on white, in other files it is shown as if it were not; an orientation in
// EXIF data is ignored. Throws InvalidRequest for a file that is absent, damaged or no picture, and as open_frames
// does.
std::unique_ptr<FrameReader> open_picture(const std::filesystem::path& path, int64_t memory = kNoLimit,
                                          std::stop_token stop = {});

// By FFmpeg; in builds without it these throw InvalidRequest saying what can be read instead.
std::unique_ptr<FrameReader> open_video_frames(const std::filesystem::path& path, int64_t memory);
std::unique_ptr<FrameReader> open_other_picture(const std::filesystem::path& path, int64_t memory);

}  // namespace t3video::media
