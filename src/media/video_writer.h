// Writes frames to a compressed video file, one by one.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "media/frame_writer.h"

namespace t3video::media {

// Whether this build has FFmpeg.
bool has_video_support();

// Throws InvalidRequest when FFmpeg has no encoder for the format, naming those it has; Error in a build without
// FFmpeg.
void check_encoder(const FilmFormat& format);

// Opens the encoder and makes the file's header, in memory, and lets both go: throws InvalidRequest where one of them
// does not take the size, the rate or the options. Takes a second and half a GiB for AV1 at 3840x2160, else little.
// Throws Error in a build without FFmpeg.
void check_video(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                 const VideoOptions& options);

// A VideoWriter. Throws Error in a build without FFmpeg.
std::unique_ptr<FrameWriter> open_video(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                                        const VideoOptions& options);

// H.264, HEVC or AV1 in 4:2:0, ProRes 422 HQ in 4:2:2, with BT.709 colours in limited range, tagged as such; frame i is
// shown at i / fps for 1 / fps seconds (exactly in mp4 and mov; mkv keeps whole milliseconds). Memory does not grow
// with the number of frames: the encoder looks some 50 frames ahead, and each thread holds a few more; measured for
// H.264 at 3840x2160 with preset medium: a peak of 1.5 GiB with 2 threads, 2.4 GiB with 16. The same frames and options
// give the same bytes on the same machine. Only in builds with FFmpeg.
class VideoWriter final : public FrameWriter {
  public:
    // Throws InvalidRequest for a path that is not .mp4, .mkv or .mov or cannot be written, and as film_format,
    // check_size and check_encoder do.
    VideoWriter(const std::filesystem::path& path, int64_t width, int64_t height, FrameRate fps,
                const VideoOptions& options = {});
    ~VideoWriter() override;

    void write(const Image& image) override;
    void finish() override;
    std::vector<const PartialFile*> files() const override;
    void close() override;
    int64_t frames() const override;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace t3video::media
