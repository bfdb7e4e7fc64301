// Stands in for video_writer.cpp in builds without FFmpeg.
#include "core/error.h"
#include "media/video_writer.h"

namespace t3video::media {

bool has_video_support() {
    return false;
}

std::unique_ptr<FrameWriter> open_video(const std::filesystem::path& path, int64_t, int64_t, FrameRate,
                                        const VideoOptions&) {
    throw Error(concat(path.string(), ": this build has no FFmpeg"));
}

}  // namespace t3video::media
