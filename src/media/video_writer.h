// Writes frames to an H.264 video file, one by one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "media/frame.h"
#include "media/frame_rate.h"

namespace t3video::media {

struct VideoOptions {
    int crf = 18;                   // quality: 0 (lossless) to 51 (worst); 18 is hard to tell from the source
    std::string preset = "medium";  // x264's trade of time for size, ultrafast to placebo
    int threads = 0;                // 0: one per core
};

// Throws InvalidRequest unless `path` can become a video: .mp4, .mkv or .mov, in a folder that exists and can be
// written. Meant for before a long job.
void check_output(const std::filesystem::path& path);

// H.264 in yuv420p with BT.709 colours in limited range, tagged as such; frame i is shown at i / fps for 1 / fps
// seconds (exactly in mp4 and mov; mkv keeps whole milliseconds). Memory does not grow with the number of frames: the
// encoder looks some 50 frames ahead, and each thread holds a few more; measured at 3840x2160 with preset medium: a
// peak of 1.5 GiB with 2 threads, 2.4 GiB with 16. The same frames and options give the same bytes on the same machine.
// The file is written as "<name>.partial" and gets its name in close().
class VideoWriter {
  public:
    // Throws InvalidRequest for a path that check_output refuses, sides that are odd or outside 2..16384, or options
    // out of range.
    VideoWriter(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                const VideoOptions& options = {});
    ~VideoWriter();  // without close(): removes the partial file
    VideoWriter(const VideoWriter&) = delete;
    VideoWriter& operator=(const VideoWriter&) = delete;

    // Throws Error when the size differs from the video's, after close(), or when the file cannot be written.
    void write(const Image& image);
    // Finishes the file; throws Error when no frame was written or the disk is full. A second call does nothing.
    void close();

    int64_t frames() const;  // written so far

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace t3video::media
