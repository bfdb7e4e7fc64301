// Reads the frames of a video or image file as RGB.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "media/frame.h"
#include "media/frame_rate.h"
#include "media/input/orientation.h"

namespace t3video::media {

// Colour description by FFmpeg's names ("bt709", "tv", ...); "unknown" where the file says nothing.
struct ColorTags {
    std::string primaries, transfer, matrix, range;
    friend bool operator==(const ColorTags&, const ColorTags&) = default;
};

struct VideoInfo {
    int64_t width = 0, height = 0;  // of frames as they are stored
    Orientation orientation;        // how they are turned to be shown
    double pixel_aspect = 1;        // width of a stored pixel by its height
    bool still = false;             // a picture's file
    std::optional<FrameRate> fps;   // where the file has one in FrameRate's range; the mean where it changes
    double duration = 0;            // seconds, as the file states it; 0 where it does not
    std::string codec;              // FFmpeg's name: "h264", "png", ...
    std::string pixels;             // pixel format as coded: "yuv420p", ...
    ColorTags tags;
    std::string comment;  // the file's, if it has one
};

// One frame after the other, in order of showing.
class VideoReader {
  public:
    // Images are of `samples`, u8 or u16. Throws InvalidRequest for a file that is absent, not a video or image, or of
    // an unknown codec; for playlists and other files that name files or addresses, none of which is opened; and where
    // reading would take more than `memory` bytes, which is known before a frame is decoded.
    // `wanted`: as a picture, a JPEG with others behind it, as phones write gain maps and previews, is the first of
    // them.
    enum class Wanted { film, picture };
    explicit VideoReader(const std::filesystem::path& path, Samples samples = Samples::u8,
                         int64_t memory = std::numeric_limits<int64_t>::max(), Wanted wanted = Wanted::film);
    ~VideoReader();
    VideoReader(const VideoReader&) = delete;
    VideoReader& operator=(const VideoReader&) = delete;

    const VideoInfo& info() const;
    // From now on read() gives what is shown at 0, 1/fps, 2/fps, ... seconds after the first frame, for as long as the
    // last one is shown. A frame that begins a little later, by less than a third of the time that the one before it is
    // shown, and of 1/fps half, counts already: times are rounded in files.
    void sample_at(double fps);
    // The next frame as it is stored, in the colours of rgb_converter.h; false at the end. Throws InvalidRequest for
    // damaged data and for a size that changes.
    bool read(Image& image);
    // The same, row by row from top to bottom.
    bool read(const std::function<void(const uint8_t* row)>& sink);
    // Memory that reading takes at most: the decoder's frames and one in RGB.
    int64_t bytes() const;
    double time() const;  // when the frame read last is shown, in seconds of the file

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

struct Video {
    VideoInfo info;
    std::vector<Image> frames;
    std::vector<double> times;  // seconds, one per frame
};

// The whole file at once: 3 or 6 bytes a pixel and frame.
Video read_video(const std::filesystem::path& path, Samples samples = Samples::u8);

}  // namespace t3video::media
