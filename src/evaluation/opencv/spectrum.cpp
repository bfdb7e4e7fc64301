// Spectra by OpenCV's real transform.
#include "evaluation/opencv/plugin.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace t3video::evaluation {
namespace {

constexpr int kLargestTile = 256, kSmallestTile = 32;
constexpr int kRings = 64;
constexpr double kFineRadius = 0.25;         // cycles per pixel
constexpr double kRoundingNoise = 1.0 / 12;  // variance of what rounding to whole levels adds, in square levels

int tile_side(const FilmShape& shape) {
    int side = kLargestTile;
    while (side > std::min(shape.width, shape.height)) side /= 2;
    return side;
}

// A sum of spectra of tiles. OpenCV packs the transform of a real tile [side, side] into as many floats: column 0 holds
// the frequencies (0, v), the last column (side/2, v), each packed like a transform of one dimension: re(0), re(1),
// im(1), ..., re(side/2); two columns 2u-1 and 2u between them hold re and im of (u, v), one v in each row, and stand
// for
// (-u, -v) too. So squares can be summed element by element.
class Spectrum {
  public:
    explicit Spectrum(int side) : side_(side), window_(size_t(side)), sum_(size_t(side) * size_t(side)) {
        for (int x = 0; x < side; ++x)
            window_[size_t(x)] = float(0.5 - 0.5 * std::cos(2 * std::numbers::pi * x / side));
    }

    // All whole tiles from the middle of a picture.
    void add(const cv::Mat& picture) {
        const int columns = picture.cols / side_, rows = picture.rows / side_;
        const int left = (picture.cols - columns * side_) / 2, top = (picture.rows - rows * side_) / 2;
        frame_sum_.assign(sum_.size(), 0);
        for (int row = 0; row < rows; ++row) {
            for (int column = 0; column < columns; ++column)
                add_tile(picture(cv::Rect(left + column * side_, top + row * side_, side_, side_)));
        }
        for (size_t i = 0; i < sum_.size(); ++i) sum_[i] += double(frame_sum_[i]);
        tiles_ += int64_t(rows) * columns;
    }

    // Calls visit(radius in cycles per pixel, frequencies, their power together) for each element but those of
    // frequency 0. White noise has a mean power of its variance at each frequency.
    void each(const auto& visit) const {
        double window_power = 0;  // of the window in two dimensions
        for (const float w : window_) window_power += double(w) * double(w);
        window_power *= window_power;
        for (int row = 0; row < side_; ++row) {
            for (int column = 0; column < side_; ++column) {
                const bool edge = column == 0 || column == side_ - 1;
                const double u = double((column + 1) / 2) / side_;
                const double v = double(edge ? (row + 1) / 2 : std::min(row, side_ - row)) / side_;
                const double radius = std::hypot(u, v);
                if (radius == 0) continue;
                // Re and im of a frequency and of its opposite: two elements for two frequencies. An element that is
                // its own opposite is real, and stands for one.
                const bool alone = edge && (row == 0 || row == side_ - 1);
                const double power = sum_[size_t(row) * size_t(side_) + size_t(column)] / window_power / double(tiles_);
                visit(radius, 1, alone ? power : 2 * power);
            }
        }
    }

    // Mean power of the frequencies above kFineRadius.
    double fine_power() const {
        double power = 0, count = 0;
        each([&](double radius, int frequencies, double of_them) {
            if (radius <= kFineRadius) return;
            power += of_them;
            count += frequencies;
        });
        return power / count;
    }

  private:
    void add_tile(const cv::Mat& pixels) {
        double sum = 0;
        for (int y = 0; y < side_; ++y) {
            const auto* row = pixels.ptr<float>(y);
            double of_row = 0;
            for (int x = 0; x < side_; ++x) of_row += double(row[x]);
            sum += of_row;
        }
        const auto mean = float(sum / side_ / side_);
        tile_.create(side_, side_, CV_32F);
        for (int y = 0; y < side_; ++y) {
            const auto* row = pixels.ptr<float>(y);
            auto* windowed = tile_.ptr<float>(y);
            const float of_row = window_[size_t(y)];
            for (int x = 0; x < side_; ++x) windowed[x] = (row[x] - mean) * (of_row * window_[size_t(x)]);
        }
        cv::dft(tile_, transform_);
        const auto* values = transform_.ptr<float>();
        for (size_t i = 0; i < frame_sum_.size(); ++i) frame_sum_[i] += values[i] * values[i];
    }

    int side_;
    std::vector<float> window_;
    cv::Mat tile_, transform_;
    std::vector<float> frame_sum_;
    std::vector<double> sum_;
    int64_t tiles_ = 0;
};

class SpectrumMeter final : public Meter {
  public:
    SpectrumMeter(const FilmShape& shape, const Metric* metrics)
        : metrics_(metrics), side_(tile_side(shape)), film_(std::max(side_, 1)), half_film_(std::max(side_, 1)) {}

    void take(const Frame& frame, const Frame*) override {
        if (side_ < kSmallestTile) return;
        const cv::Mat whole(static_cast<int>(frame.height()), static_cast<int>(frame.width()), CV_32F,
                            const_cast<float*>(frame.luma.data()));
        cv::resize(whole, half_, {whole.cols / 2, whole.rows / 2}, 0, 0, cv::INTER_AREA);
        cv::resize(half_, enlarged_, whole.size(), 0, 0, cv::INTER_CUBIC);
        film_.add(whole);
        half_film_.add(enlarged_);
    }

    std::vector<Value> values() override {
        Value share{&metrics_[0], std::numeric_limits<double>::quiet_NaN(), "", {}};
        Value detail{&metrics_[1], std::numeric_limits<double>::quiet_NaN(), "", {}};
        if (side_ < kSmallestTile) {
            share.note = detail.note = "the frames are smaller than 32 pixels";
            return {share, detail};
        }
        const int rings = std::min(kRings, side_ / 4);
        std::vector<double> power(static_cast<size_t>(rings)), count(static_cast<size_t>(rings));
        double fine = 0, all = 0;
        film_.each([&](double radius, int frequencies, double of_them) {
            all += of_them;
            if (radius > kFineRadius) fine += of_them;
            const auto ring = static_cast<size_t>(radius * 2 * rings);
            if (ring >= power.size()) return;
            power[ring] += of_them;
            count[ring] += frequencies;
        });
        // Far below what rounding to whole levels leaves.
        constexpr double kLeast = 1e-6;
        for (size_t i = 0; i < power.size(); ++i) share.parts.push_back(10 * std::log10(power[i] / count[i] + kLeast));
        if (all > kLeast)
            share.value = 100 * fine / all;
        else
            share.note = "the film is of one brightness";
        detail.value =
            10 * std::log10((film_.fine_power() + kRoundingNoise) / (half_film_.fine_power() + kRoundingNoise));
        return {share, detail};
    }

  private:
    const Metric* metrics_;
    int side_;
    Spectrum film_, half_film_;
    cv::Mat half_, enlarged_;
};

}  // namespace

extern "C" Meter* t3video_spectrum_meter(const FilmShape& shape, const Metric* metrics) {
    return new SpectrumMeter(shape, metrics);
}

}  // namespace t3video::evaluation
