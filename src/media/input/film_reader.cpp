// Chooses the reader of an input; reads folders of pictures.
#include "media/input/film_reader.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/error.h"
#include "core/natural_order.h"
#include "core/paths.h"
#include "core/readable_bytes.h"
#include "media/film_format.h"
#include "media/input/png_reader.h"

namespace t3video::media {
namespace {

namespace fs = std::filesystem;

class PictureFolder : public FrameReader {
  public:
    PictureFolder(const fs::path& folder, int64_t memory) : memory_(memory), pictures_(pictures_in(folder)) {
        require_valid(!pictures_.empty(), folder.string(), ": no .png pictures in this folder");
        const auto first = open(pictures_.front());
        width_ = first->width();
        height_ = first->height();
        pixel_aspect_ = first->pixel_aspect();
        bytes_ = first->bytes();
    }
    int64_t bytes() const override { return bytes_; }

  private:
    // Some are called so and are JPEGs.
    std::unique_ptr<FrameReader> open(const fs::path& path) const {
        auto picture = open_picture(path, memory_);
        require_valid(!picture->timed(), path.string(), ": not a PNG picture, but a video of that name");
        return picture;
    }
    bool next(const RowSink& sink) override {
        if (next_ == pictures_.size()) return false;
        const fs::path& path = pictures_[next_++];
        const auto picture = open(path);
        require_valid(picture->width() == width_ && picture->height() == height_, path.string(), ": ", picture->width(),
                      "x", picture->height(), " pixels, the pictures before it ", width_, "x", height_);
        return picture->read(sink);
    }

    int64_t memory_, bytes_ = 0;
    std::vector<fs::path> pictures_;
    size_t next_ = 0;
};

}  // namespace

std::vector<fs::path> pictures_in(const fs::path& folder) {
    std::vector<fs::path> pictures;
    for (const fs::path& entry : entries_of(folder)) {
        if (!entry.filename().string().starts_with('.') && extension_of(entry) == ".png") pictures.push_back(entry);
    }
    std::ranges::sort(pictures, [](const fs::path& a, const fs::path& b) {
        return counts_before(a.filename().string(), b.filename().string());
    });
    return pictures;
}

void require_room(int64_t needed, int64_t memory, const std::string& name, int64_t width, int64_t height) {
    require_valid(needed <= memory, name, ": ", width, "x", height, " pixels takes ", readable_bytes(needed),
                  " to read, but ", readable_bytes(memory, Rounded::down),
                  " may be used; make it smaller, or allow more with ", Field("memory"));
}

double plausible_aspect(double width, double height) {
    constexpr double kMost = 4, kRounding = 0.005;
    const double aspect = width / height;
    const bool known = aspect >= 1 / kMost && aspect <= kMost;  // false of NaN
    return known && std::abs(aspect - 1) > kRounding ? aspect : 1;
}

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
        reader = std::make_unique<PictureFolder>(path, memory);
    else
        reader = open_video_frames(path, memory);
    reader->stop_on(std::move(stop));
    return reader;
}

std::unique_ptr<FrameReader> open_picture(const fs::path& path, int64_t memory, std::stop_token stop) {
    auto reader = is_png(path) ? open_png(path, memory) : open_other_picture(path, memory);
    reader->stop_on(std::move(stop));
    return reader;
}

}  // namespace t3video::media
