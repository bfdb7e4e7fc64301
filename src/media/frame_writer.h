// Takes the frames of a film and writes them in the format that the output names (film_format.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "media/film_format.h"
#include "media/frame.h"
#include "media/frame_rate.h"

namespace t3video::media {

// Takes a video frame by frame. What it writes appears under its name in close(), replacing an older output of that
// name; without close() nothing is left behind.
class FrameWriter {
  public:
    virtual ~FrameWriter() = default;
    FrameWriter(const FrameWriter&) = delete;
    FrameWriter& operator=(const FrameWriter&) = delete;

    // Throws Error when the size or the samples (FilmFormat::samples) differ from the video's, after close(), or when
    // the disk is full.
    virtual void write(const Image& image) = 0;
    // Throws Error when no frame was written or the disk is full. A second call does nothing.
    virtual void close() = 0;
    virtual int64_t frames() const = 0;  // written so far

  protected:
    FrameWriter() = default;
};

// "output.mp4", or "output.y4m" in a build without FFmpeg.
std::filesystem::path default_output();

// Throws InvalidRequest unless `output` can be written: a known kind that this build has, in a place that exists and
// takes new files, with options that go with it. Leaves nothing behind. Meant for before a long job.
void check_output(const std::filesystem::path& output, const VideoOptions& options = {});

// Whether a film is there under that name: of pictures, their first.
bool output_exists(const std::filesystem::path& output);

// Removes what a killed run that wrote `output`, of so many frames, had not finished.
void remove_partial_output(const std::filesystem::path& output, int64_t frames);

// A path for something that belongs to the output: "film.mp4" -> "film" + ending. For pictures it lies beside their
// folder ("frames/%05d.png" and "frames/" -> "frames" + ending), except for a pattern without a folder, whose text it
// takes ("shot-%03d.png" -> "shot" + ending, "%05d.png" -> "frames" + ending).
std::filesystem::path beside_output(const std::filesystem::path& output, const std::string& ending);

// Throws InvalidRequest for what check_output and check_size refuse.
std::unique_ptr<FrameWriter> open_writer(const std::filesystem::path& output, int64_t width, int64_t height,
                                         FrameRate fps, const VideoOptions& options = {});

}  // namespace t3video::media
