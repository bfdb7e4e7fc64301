// Where frames go: a video file or a folder of pictures, by the name of the output.
//
//   film.mp4, .mkv, .mov   H.264, in builds with FFmpeg
//   film.y4m               uncompressed YUV4MPEG2
//   frames/                one PNG per frame, frames/00000.png and so on; also any folder that exists
//   frames/shot-%03d.png   the same by a pattern
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "media/frame.h"
#include "media/frame_rate.h"

namespace t3video::media {

struct VideoOptions {
    int crf = 18;                   // H.264 quality: 0 (lossless) to 51 (worst); 18 is hard to tell from the source
    std::string preset = "medium";  // x264's trade of time for size, ultrafast to placebo
    int threads = 0;                // 0: one per core
};

// Takes a video frame by frame. What it writes appears under its name in close(), replacing an older output of that
// name; without close() nothing is left behind.
class FrameWriter {
  public:
    virtual ~FrameWriter() = default;
    FrameWriter(const FrameWriter&) = delete;
    FrameWriter& operator=(const FrameWriter&) = delete;

    // Throws Error when the size differs from the video's, after close(), or when the disk is full.
    virtual void write(const Image& image) = 0;
    // Throws Error when no frame was written or the disk is full. A second call does nothing.
    virtual void close() = 0;
    virtual int64_t frames() const = 0;  // written so far

  protected:
    FrameWriter() = default;
};

// "output.mp4", or "output.y4m" in a build without FFmpeg.
std::filesystem::path default_output();

enum class OutputKind { video, y4m, pictures };

// By the name, and by what exists under it. Throws InvalidRequest for a name that is none of them.
OutputKind output_kind(const std::filesystem::path& output);

// Throws InvalidRequest unless `output` can be written: a known kind that this build has, in a place that exists and
// takes new files. Leaves nothing behind. Meant for before a long job.
void check_output(const std::filesystem::path& output);

// A path for something that belongs to the output: "film.mp4" -> "film" + ending. For pictures it lies beside their
// folder ("frames/%05d.png" and "frames/" -> "frames" + ending), except for a pattern without a folder, whose text it
// takes ("shot-%03d.png" -> "shot" + ending, "%05d.png" -> "frames" + ending).
std::filesystem::path beside_output(const std::filesystem::path& output, const std::string& ending);

// Throws InvalidRequest for what check_output refuses, options out of range, and sides that the kind does not take:
// H.264 wants even ones from 2 to 16384, the others 1 to 16384.
std::unique_ptr<FrameWriter> open_writer(const std::filesystem::path& output, int64_t width, int64_t height,
                                         FrameRate fps, const VideoOptions& options = {});

}  // namespace t3video::media
