// Takes the frames of a film and writes them in the format that the output names (film_format.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/output_file.h"
#include "media/film_format.h"
#include "media/frame.h"
#include "media/frame_rate.h"

namespace t3video::media {

// Takes a video frame by frame. What it writes appears under its name in close(), replacing older files of those names;
// without close() nothing is left behind.
class FrameWriter {
  public:
    virtual ~FrameWriter() = default;
    FrameWriter(const FrameWriter&) = delete;
    FrameWriter& operator=(const FrameWriter&) = delete;

    // Throws Error when the size or the samples (FilmFormat::samples) differ from the video's, after finish(), or when
    // the disk is full.
    virtual void write(const Image& image) = 0;
    // Completes the files, which then wait for their names. Throws Error when no frame was written or the disk is full.
    // A second call does nothing.
    virtual void finish() = 0;
    // Those files, from finish() on.
    virtual std::vector<const PartialFile*> files() const = 0;
    // Finishes them and gives them their names. A second call does nothing.
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

// Throws InvalidRequest unless a film of that size and rate can be written so: its encoder is opened, and closed again.
// For before a long job; check_output looks at the place.
void check_film(const std::filesystem::path& output, int64_t width, int64_t height, FrameRate fps,
                const VideoOptions& options = {});

// Whether the output is a single picture: "cat.png".
bool is_one_picture(const std::filesystem::path& output);

// Whether a film is there under that name: of pictures, their first.
bool output_exists(const std::filesystem::path& output);

// What is there under the names of the output's files, whatever it is: of pictures, in the order of their numbers.
struct OutputEntry {
    int64_t frame = 0;  // of a picture
    std::filesystem::path path;
};
std::vector<OutputEntry> entries_of_output(const std::filesystem::path& output);

// The folder that the output's files lie in; empty: the current one.
std::filesystem::path folder_of(const std::filesystem::path& output);

// A path for something that belongs to the output: "film.mp4" -> "film" + ending. For pictures it lies beside their
// folder ("frames/%05d.png" and "frames/" -> "frames" + ending), except for a pattern without a folder, whose text it
// takes ("shot-%03d.png" -> "shot" + ending, "%05d.png" -> "frames" + ending).
std::filesystem::path beside_output(const std::filesystem::path& output, const std::string& ending);

// Throws InvalidRequest for what check_output and check_film refuse.
std::unique_ptr<FrameWriter> open_writer(const std::filesystem::path& output, int64_t width, int64_t height,
                                         FrameRate fps, const VideoOptions& options = {});

}  // namespace t3video::media
