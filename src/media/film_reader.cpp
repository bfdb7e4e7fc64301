// Chooses the reader of an input; reads folders of pictures.
#include "media/film_reader.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "media/film_format.h"
#include "media/png_reader.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;

class PictureFolder : public FrameReader {
  public:
    explicit PictureFolder(const fs::path& folder) {
        for (const auto& entry : fs::directory_iterator(folder)) {
            if (extension_of(entry.path()) == ".png") pictures_.push_back(entry.path());
        }
        require_valid(!pictures_.empty(), folder.string(), ": no .png pictures in this folder");
        std::ranges::sort(pictures_);
    }

    bool read(Image& image) override {
        if (next_ == pictures_.size()) return false;
        const fs::path& path = pictures_[next_++];
        image = read_png(path);
        require_valid(next_ == 1 || (image.width == width_ && image.height == height_), path.string(), ": ",
                      image.width, "x", image.height, " pixels, the pictures before it ", width_, "x", height_);
        width_ = image.width;
        height_ = image.height;
        return true;
    }
    double fps() const override { return 0; }

  private:
    std::vector<fs::path> pictures_;
    size_t next_ = 0;
    int64_t width_ = 0, height_ = 0;
};

}  // namespace

std::unique_ptr<FrameReader> open_frames(const fs::path& path) {
    std::error_code ignored;
    require_valid(fs::exists(path, ignored), path.string(), ": no such file; expected a video or a folder of PNGs");
    if (fs::is_directory(path, ignored)) return std::make_unique<PictureFolder>(path);
    return open_video_frames(path);
}

Image read_picture(const fs::path& path) {
    std::error_code ignored;
    require_valid(fs::is_regular_file(path, ignored), path.string(), ": no such file; expected a picture");
    return is_png(path) ? read_png(path) : read_other_picture(path);
}

}  // namespace t3video::media
