// Inputs that FFmpeg reads.
#include <algorithm>
#include <string_view>

#include "core/input_file.h"
#include "media/ffmpeg.h"
#include "media/film_reader.h"
#include "media/video_reader.h"

namespace t3video::media {
namespace {

class VideoFrames : public FrameReader {
  public:
    VideoFrames(const std::filesystem::path& path, int64_t memory) : reader_(path, Samples::u8, memory) {
        width_ = reader_.info().width;
        height_ = reader_.info().height;
    }
    double fps() const override { return reader_.info().fps ? reader_.info().fps->value() : 0; }
    int64_t bytes() const override { return reader_.bytes(); }

  protected:
    bool next(const RowSink& sink) override { return reader_.read(sink); }

  private:
    VideoReader reader_;
};

// The first frame of a file: of a picture that moves, the one it begins with.
class OtherPicture final : public VideoFrames {
  public:
    OtherPicture(const std::filesystem::path& path, int64_t memory) : VideoFrames(path, memory), name_(path.string()) {}

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

// Where a pair of bytes is last found, read from the back in pieces; -1 where there is none.
int64_t last_of(InputFile& file, std::string_view pair) {
    constexpr int64_t kPiece = 1 << 16;
    for (int64_t end = file.bytes(); end > 0; end -= std::min(end, kPiece)) {
        const int64_t begin = std::max<int64_t>(0, end - kPiece);
        file.seek(begin);
        // One byte more: a pair may lie across two pieces.
        const std::string piece = file.read(static_cast<size_t>(end - begin) + 1);
        if (const size_t at = piece.rfind(pair); at != std::string::npos) return begin + static_cast<int64_t>(at);
    }
    return -1;
}

// FFmpeg fills up the rest of a JPEG file that ends early. In whole ones an end marker follows the last start of
// pixels.
void check_jpeg_end(const std::filesystem::path& path) {
    InputFile file(path, "a picture");
    if (file.read(2) != "\xFF\xD8") return;
    constexpr int64_t kLargest = int64_t{1} << 30;
    require_valid(file.bytes() <= kLargest, path.string(), ": a JPEG file of more than ", kLargest >> 20, " MiB");
    const int64_t pixels = last_of(file, "\xFF\xDA"), end = last_of(file, "\xFF\xD9");
    require_valid(pixels >= 0 && end > pixels, path.string(), ": damaged JPEG file: it ends early");
}

}  // namespace

std::unique_ptr<FrameReader> open_video_frames(const std::filesystem::path& path, int64_t memory) {
    return std::make_unique<VideoFrames>(path, memory);
}

std::unique_ptr<FrameReader> open_other_picture(const std::filesystem::path& path, int64_t memory) {
    check_jpeg_end(path);
    return std::make_unique<OtherPicture>(path, memory);
}

}  // namespace t3video::media
