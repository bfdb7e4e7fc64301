// Pictures and videos as input: 8-bit RGB, frame by frame and row by row.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

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
    double pixel_aspect() const { return pixel_aspect_; }  // width of a pixel by its height, as it is to be shown
    virtual double fps() const { return 0; }  // 0 where the input does not say; of a changing rate the mean
    // Whether frames have times of their own. Otherwise they follow one another at any rate.
    virtual bool timed() const { return false; }
    // From now on read() gives what timed frames show at 0, 1/fps, 2/fps, ... seconds, up to the end of the last one.
    virtual void sample_at(double /*fps*/) {}
    // Memory that reading takes, without what the rows become.
    virtual int64_t bytes() const = 0;

    // From now on a stop that is requested ends read().
    void stop_on(std::stop_token stop) { stop_ = std::move(stop); }

  protected:
    FrameReader() = default;
    virtual bool next(const RowSink& sink) = 0;

    int64_t width_ = 0, height_ = 0;
    double pixel_aspect_ = 1;

  private:
    std::stop_token stop_;
};

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// A pixel's width by its height where a file says how they relate; 1 where it says nothing that can be, and where it is
// a rounding away from that.
double plausible_aspect(double width, double height);

// Of a frame in 8-bit RGB.
constexpr int64_t frame_bytes(int64_t width, int64_t height) {
    return 3 * width * height;
}
// Throws InvalidRequest, naming the file, where reading frames of that size takes `needed` bytes and fewer are left.
void require_room(int64_t needed, int64_t memory, const std::string& name, int64_t width, int64_t height);

// A folder's PNG pictures in the order in which they are a video's frames: numbers in their names count as numbers
// (frame_2 comes before frame_10), and names that begin with a dot are left out, as macOS writes beside each file.
std::vector<std::filesystem::path> pictures_in(const std::filesystem::path& folder);

// A video file, or a folder of PNG pictures as pictures_in() has them. Frames are turned as the file says. Without
// FFmpeg a video is a .y4m. Throws InvalidRequest for what is neither, and for a video whose frames cannot be read
// within so many bytes, before one is. Once `stop` is requested, reading throws Stopped.
std::unique_ptr<FrameReader> open_frames(const std::filesystem::path& path, int64_t memory = kNoLimit,
                                         std::stop_token stop = {});

// One frame: a PNG picture, which is read row by row as far as it is stored so, or with FFmpeg also a JPEG, WebP and
// others, which are decoded as a whole. What is transparent lies on white; EXIF data turn the picture. Throws
// InvalidRequest for a file that is absent, damaged or no picture, and as open_frames does.
std::unique_ptr<FrameReader> open_picture(const std::filesystem::path& path, int64_t memory = kNoLimit,
                                          std::stop_token stop = {});

// By FFmpeg; in builds without it these throw InvalidRequest saying what can be read instead.
std::unique_ptr<FrameReader> open_video_frames(const std::filesystem::path& path, int64_t memory);
std::unique_ptr<FrameReader> open_other_picture(const std::filesystem::path& path, int64_t memory);

}  // namespace t3video::media
