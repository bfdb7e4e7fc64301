// Inputs that FFmpeg reads.
#include <fstream>
#include <iterator>

#include "media/ffmpeg.h"
#include "media/film_reader.h"
#include "media/video_reader.h"

namespace t3video::media {
namespace {

class VideoFrames : public FrameReader {
  public:
    explicit VideoFrames(const std::filesystem::path& path) : reader_(path) {}
    bool read(Image& image) override { return reader_.read(image); }
    double fps() const override { return reader_.info().fps ? reader_.info().fps->value() : 0; }

  private:
    VideoReader reader_;
};

// FFmpeg fills up the rest of a JPEG file that ends early. In whole ones an end marker follows the last start of
// pixels.
void check_jpeg_end(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string file{std::istreambuf_iterator<char>(in), {}};
    if (!file.starts_with("\xFF\xD8")) return;
    const size_t pixels = file.rfind("\xFF\xDA"), end = file.rfind("\xFF\xD9");
    require_valid(pixels != std::string::npos && end != std::string::npos && end > pixels, path.string(),
                  ": damaged JPEG file: it ends early");
}

}  // namespace

std::unique_ptr<FrameReader> open_video_frames(const std::filesystem::path& path) {
    return std::make_unique<VideoFrames>(path);
}

Image read_other_picture(const std::filesystem::path& path) {
    check_jpeg_end(path);
    Image image;
    require_valid(VideoFrames(path).read(image), path.string(), ": holds no picture");
    return image;
}

}  // namespace t3video::media
