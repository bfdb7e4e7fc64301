// Inputs that FFmpeg reads.
#include <utility>

#include "media/input/film_reader.h"
#include "media/input/orientation.h"
#include "media/input/video_reader.h"

namespace t3video::media {
namespace {

// As they are stored.
class VideoFrames : public FrameReader {
  public:
    VideoFrames(const std::filesystem::path& path, int64_t memory,
                VideoReader::Wanted wanted = VideoReader::Wanted::film)
        : reader_(path, Samples::u8, memory, wanted) {
        width_ = info().width;
        height_ = info().height;
        pixel_aspect_ = info().pixel_aspect;
    }
    const VideoInfo& info() const { return reader_.info(); }
    double fps() const override { return info().fps ? info().fps->value() : 0; }
    bool timed() const override { return !info().still; }
    void sample_at(double fps) override { reader_.sample_at(fps); }
    int64_t bytes() const override { return reader_.bytes(); }

  protected:
    bool next(const RowSink& sink) override { return reader_.read(sink); }

  private:
    VideoReader reader_;
};

// The first frame of a file: of a picture that moves, the one it begins with.
class OtherPicture final : public VideoFrames {
  public:
    OtherPicture(const std::filesystem::path& path, int64_t memory)
        : VideoFrames(path, memory, VideoReader::Wanted::picture), name_(path.string()) {}

  private:
    bool next(const RowSink& sink) override {
        if (done_) return false;
        done_ = true;
        require_valid(VideoFrames::next(sink), name_, ": holds no picture");
        return true;
    }

    std::string name_;
    bool done_ = false;
};

template <class Reader>
std::unique_ptr<FrameReader> open(const std::filesystem::path& path, int64_t memory) {
    auto reader = std::make_unique<Reader>(path, memory);
    const Orientation orientation = reader->info().orientation;
    return turned(std::move(reader), orientation, memory, path.string());
}

}  // namespace

std::unique_ptr<FrameReader> open_video_frames(const std::filesystem::path& path, int64_t memory) {
    return open<VideoFrames>(path, memory);
}

std::unique_ptr<FrameReader> open_other_picture(const std::filesystem::path& path, int64_t memory) {
    return open<OtherPicture>(path, memory);
}

}  // namespace t3video::media
