// Orientations, and frames brought into theirs.
#include "media/input/orientation.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

namespace t3video::media {
namespace {

class Turned : public FrameReader {
  public:
    Turned(std::unique_ptr<FrameReader> reader, const Orientation& orientation)
        : reader_(std::move(reader)), orientation_(orientation) {
        width_ = reader_->width();
        height_ = reader_->height();
        pixel_aspect_ = reader_->pixel_aspect();
        if (!orientation_.transposed) return;
        std::swap(width_, height_);
        pixel_aspect_ = 1 / pixel_aspect_;
    }
    double fps() const override { return reader_->fps(); }
    bool timed() const override { return reader_->timed(); }
    void sample_at(double fps) override { reader_->sample_at(fps); }
    int64_t bytes() const override { return reader_->bytes() + frame_bytes(width_, height_) + width_ * 3; }

  private:
    bool next(const RowSink& sink) override {
        if (!reader_->read(stored_)) return false;
        std::vector<uint8_t> row(static_cast<size_t>(width_) * 3);
        for (int64_t y = 0; y < height_; ++y) {
            for (int64_t x = 0; x < width_; ++x) {
                auto [u, v] = orientation_.transposed ? std::pair(y, x) : std::pair(x, y);
                if (orientation_.mirrored_u) u = stored_.width - 1 - u;
                if (orientation_.mirrored_v) v = stored_.height - 1 - v;
                std::copy_n(stored_.pixel(u, v), 3, row.data() + 3 * x);
            }
            sink(row.data());
        }
        return true;
    }

    std::unique_ptr<FrameReader> reader_;
    Orientation orientation_;
    Image stored_;
};

}  // namespace

Orientation orientation_of_exif(int64_t value) {
    constexpr std::array<Orientation, 9> kValues = {{{},
                                                     {},
                                                     {false, true, false},
                                                     {false, true, true},
                                                     {false, false, true},
                                                     {true, false, false},
                                                     {true, false, true},
                                                     {true, true, true},
                                                     {true, true, false}}};
    return value >= 1 && value <= 8 ? kValues[static_cast<size_t>(value)] : Orientation{};
}

Orientation orientation_of_matrix(double a, double b, double c, double d) {
    if (std::abs(b) + std::abs(c) > std::abs(a) + std::abs(d)) return {true, b < 0, c < 0};
    return {false, a < 0, d < 0};
}

bool is_quarter_turn(double a, double b, double c, double d) {
    constexpr double kMost = 0.15;
    if (std::abs(b) + std::abs(c) > std::abs(a) + std::abs(d)) {
        std::swap(a, b);
        std::swap(c, d);
    }
    const double least = std::min(std::abs(a), std::abs(d)), rest = std::max(std::abs(b), std::abs(c));
    return least > 0 && rest <= kMost * least;
}

Orientation combined(const Orientation& first, const Orientation& second) {
    const auto [second_u, second_v] = first.transposed ? std::pair(second.mirrored_v, second.mirrored_u)
                                                       : std::pair(second.mirrored_u, second.mirrored_v);
    return {first.transposed != second.transposed, first.mirrored_u != second_u, first.mirrored_v != second_v};
}

std::unique_ptr<FrameReader> turned(std::unique_ptr<FrameReader> reader, const Orientation& orientation, int64_t memory,
                                    const std::string& name) {
    if (orientation.is_plain()) return reader;
    auto result = std::make_unique<Turned>(std::move(reader), orientation);
    require_room(result->bytes(), memory, name, result->width(), result->height());
    return result;
}

}  // namespace t3video::media
