// Chooses the reader of an input; reads folders of pictures.
#include "media/film_reader.h"

#include <algorithm>
#include <vector>

#include "core/error.h"
#include "core/paths.h"
#include "media/film_format.h"
#include "media/png_reader.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;

class PictureFolder : public FrameReader {
  public:
    explicit PictureFolder(const fs::path& folder) {
        for (const fs::path& entry : entries_of(folder)) {
            if (extension_of(entry) == ".png") pictures_.push_back(entry);
        }
        require_valid(!pictures_.empty(), folder.string(), ": no .png pictures in this folder");
        const auto first = open_png(pictures_.front());
        width_ = first->width();
        height_ = first->height();
    }
    int64_t bytes() const override { return png_bytes(width_); }

  private:
    bool next(const RowSink& sink) override {
        if (next_ == pictures_.size()) return false;
        const fs::path& path = pictures_[next_++];
        const auto picture = open_png(path);
        require_valid(picture->width() == width_ && picture->height() == height_, path.string(), ": ", picture->width(),
                      "x", picture->height(), " pixels, the pictures before it ", width_, "x", height_);
        return picture->read(sink);
    }

    std::vector<fs::path> pictures_;
    size_t next_ = 0;
};

}  // namespace

bool FrameReader::read(const RowSink& sink) {
    return next([&](const uint8_t* row) {
        if (stop_.stop_requested()) throw Stopped(Message("stopped while an input was read"));
        sink(row);
    });
}

bool FrameReader::read(Image& image) {
    if (image.width != width_ || image.height != height_ || image.samples != Samples::u8)
        image = Image(width_, height_);
    int64_t y = 0;
    return read([&](const uint8_t* row) { std::copy_n(row, image.row_bytes(), image.pixel(0, y++)); });
}

std::unique_ptr<FrameReader> open_frames(const fs::path& path, int64_t memory, std::stop_token stop) {
    std::unique_ptr<FrameReader> reader;
    if (is_folder(path))
        reader = std::make_unique<PictureFolder>(path);
    else
        reader = open_video_frames(path, memory);
    reader->stop_on(std::move(stop));
    return reader;
}

std::unique_ptr<FrameReader> open_picture(const fs::path& path, int64_t memory, std::stop_token stop) {
    auto reader = is_png(path) ? open_png(path) : open_other_picture(path, memory);
    reader->stop_on(std::move(stop));
    return reader;
}

}  // namespace t3video::media
