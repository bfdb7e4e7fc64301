// Stands in for what takes FFmpeg in builds without it.
#include "core/error.h"
#include "media/film_comment.h"
#include "media/film_format.h"
#include "media/input/film_reader.h"
#include "media/input/y4m_reader.h"
#include "media/sound.h"
#include "media/video_writer.h"

namespace t3video::media {

VideoInfo read_video_info(const std::filesystem::path& path) {
    throw InvalidRequest(path.string() + ": this build has no FFmpeg; it reads .png and .exr");
}

bool has_video_support() {
    return false;
}

void check_encoder(const FilmFormat&) {
    throw Error("this build has no FFmpeg");
}

void check_video(const std::filesystem::path& path, int64_t, int64_t, FrameRate, const VideoOptions&) {
    throw Error(concat(path.string(), ": this build has no FFmpeg"));
}

std::unique_ptr<FrameWriter> open_video(const std::filesystem::path& path, int64_t, int64_t, FrameRate,
                                        const VideoOptions&) {
    throw Error(concat(path.string(), ": this build has no FFmpeg"));
}

Message sound_obstacle(const std::filesystem::path&, const std::filesystem::path&) {
    return Message("this build has no FFmpeg");
}

std::unique_ptr<FrameReader> open_video_frames(const std::filesystem::path& path, int64_t memory) {
    if (extension_of(path) == ".y4m") return open_y4m(path, memory);
    throw InvalidRequest(concat(path.string(), ": this build has no FFmpeg; give a .y4m, or a folder of PNG pictures"));
}

std::unique_ptr<FrameReader> open_other_picture(const std::filesystem::path& path, int64_t) {
    throw InvalidRequest(concat(path.string(), ": not a PNG file, and this build has no FFmpeg for others"));
}

}  // namespace t3video::media
