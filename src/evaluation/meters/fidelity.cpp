// PSNR over R'G'B', and SSIM and MS-SSIM over luma.
//
// SSIM of films a and b needs the local means and second moments of both. From s = a + b and d = a - b it follows with
// four blurred maps where a and b need five: 2 ma mb = (ms^2 - md^2) / 2, ma^2 + mb^2 = (ms^2 + md^2) / 2, and the same
// of the variances: 2 cov(a, b) = (var s - var d) / 2, var a + var b = (var s + var d) / 2. Equal films have d = 0 and
// therefore exactly 1.
#include "evaluation/meters/fidelity.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "core/error.h"

namespace t3video::evaluation {
namespace {

constexpr Metric kMetrics[] = {
    {.name = "psnr",
     .title = "PSNR",
     .compares = true,
     .better = Better::higher,
     .unit = "dB",
     .range = "0 to 100 dB; equal films have 100",
     .definition = "How small the squared difference from the reference is, pixel by pixel, on a logarithmic scale.",
     .formula = "10 log10(255^2 / MSE), MSE the mean squared difference of 8-bit R', G' and B' over all pixels of all "
                "frames; at most 100; parts: the same of each frame",
     .source = "Common use; ITU-T J.340 describes it for video",
     .blindness =
         "Weighs each error alike, seen or not: a shift by a pixel costs more than a blur, and noise in a dark "
         "corner as much as noise in a face. Two good films of one prompt that differ in content score low."},
    {.name = "ssim",
     .title = "SSIM",
     .compares = true,
     .better = Better::higher,
     .unit = "",
     .range = "-1 to 1; equal films have 1",
     .definition = "How much the luma of small neighbourhoods is like the reference's in mean, contrast and structure.",
     .formula =
         "mean over places and frames of (2 ma mb + C1)(2 cov + C2) / ((ma^2 + mb^2 + C1)(va + vb + C2)): means, "
         "variances and covariance of Y' under a Gaussian window of 11x11 pixels, sigma 1.5, that lies inside "
         "the frame; C1 = (0.01 x 255)^2, C2 = (0.03 x 255)^2; parts: the same of each frame",
     .source = "Wang, Bovik, Sheikh, Simoncelli: Image quality assessment: from error visibility to structural "
               "similarity, 2004",
     .blindness =
         "Does not see colour or time, nor anything that is larger than its window of 11 pixels, which in a 4K "
         "frame is very little. Flat regions count as much as faces. Films must show the same content."},
    {.name = "ms_ssim",
     .title = "MS-SSIM",
     .compares = true,
     .better = Better::higher,
     .unit = "",
     .range = "0 to 1; equal films have 1",
     .definition =
         "SSIM over five sizes of the frame, each half of the one before, so that coarse structure counts too.",
     .formula =
         "mean over frames of the product over scales j = 1..5 of c_j^w_j: c_j the mean of (2 cov + C2) / (va + "
         "vb + C2) as in SSIM, at the last scale of SSIM itself, at least 0; w = 0.0448, 0.2856, 0.3001, 0.2363, "
         "0.1333; each scale is the mean of 2x2 pixels of the one before; parts: the same of each frame",
     .source = "Wang, Simoncelli, Bovik: Multi-scale structural similarity for image quality assessment, 2003",
     .blindness = "Does not see colour or time. Its weights were found for images of 768x512 pixels or less, seen from "
                  "near. A frame with a side below 176 pixels has room for fewer scales, and its value compares with "
                  "others of that size only."},
};
constexpr const Metric &kPsnr = kMetrics[0], &kSsim = kMetrics[1], &kMsSsim = kMetrics[2];

constexpr double kBestPsnr = 100;
constexpr float kC1 = 0.01f * 255 * 0.01f * 255, kC2 = 0.03f * 255 * 0.03f * 255;
constexpr double kScaleWeights[] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
constexpr size_t kScales = std::size(kScaleWeights);
constexpr int64_t kRadius = 5, kWindow = 2 * kRadius + 1;

// Half of the window, its middle first; the whole sums to 1.
std::array<float, kRadius + 1> gaussian() {
    std::array<double, kRadius + 1> w{};
    double sum = -1;
    for (int64_t i = 0; i <= kRadius; ++i) {
        w[i] = std::exp(-double(i * i) / (2 * 1.5 * 1.5));
        sum += 2 * w[i];
    }
    std::array<float, kRadius + 1> window{};
    for (int64_t i = 0; i <= kRadius; ++i) window[i] = static_cast<float>(w[i] / sum);
    return window;
}

struct Plane {
    const float* values;  // [height, width]
    int64_t width, height;
};

// Sums over places of the frame: of SSIM, and of its contrast and structure alone.
struct Sums {
    double ssim = 0, contrast = 0;
};

// A frame is looked at in tiles, so that the maps stay in the cache and each tile can take its own mean off before
// values are squared: floats then hold the small variances of flat regions, whose squares would drown them.
class SsimTile {
  public:
    static constexpr int64_t kColumns = 128, kRows = 32;  // places of the window

    // Adds the places whose windows begin in [x, x + columns) and [y, y + rows).
    void add(const Plane& a, const Plane& b, int64_t x, int64_t y, Sums& sums) {
        const int64_t columns = std::min(kColumns, a.width - kWindow + 1 - x),
                      rows = std::min(kRows, a.height - kWindow + 1 - y);
        load(a, b, x, y, columns + kWindow - 1, rows + kWindow - 1);
        std::fill_n(ssim_, columns, 0.0f);
        std::fill_n(contrast_, columns, 0.0f);
        for (int64_t row = 0; row < rows; ++row) {
            for (int map = 0; map < kMaps; ++map) blur_down(map, row, columns + kWindow - 1);
            add_row(columns);
        }
        for (int64_t i = 0; i < columns; ++i) {
            sums.ssim += ssim_[i];
            sums.contrast += contrast_[i];
        }
    }

  private:
    static constexpr int64_t kStride = kColumns + kWindow + 5;
    static constexpr int64_t kLoaded = kRows + kWindow - 1;
    enum Map { kSum, kDifference, kSumSquared, kDifferenceSquared, kMaps };

    void load(const Plane& a, const Plane& b, int64_t x, int64_t y, int64_t columns, int64_t rows) {
        float sums[kStride] = {}, differences[kStride] = {};
        for (int64_t row = 0; row < rows; ++row) {
            const float *const pa = a.values + (y + row) * a.width + x, *const pb = b.values + (y + row) * b.width + x;
            for (int64_t i = 0; i < columns; ++i) {
                maps_[kSum][row][i] = pa[i] + pb[i];
                maps_[kDifference][row][i] = pa[i] - pb[i];
                sums[i] += maps_[kSum][row][i];
                differences[i] += maps_[kDifference][row][i];
            }
        }
        double sum = 0, difference = 0;
        for (int64_t i = 0; i < columns; ++i) {
            sum += sums[i];
            difference += differences[i];
        }
        mean_sum_ = static_cast<float>(sum / double(rows * columns));
        mean_difference_ = static_cast<float>(difference / double(rows * columns));
        for (int64_t row = 0; row < rows; ++row) {
            for (int64_t i = 0; i < columns; ++i) {
                const float s = maps_[kSum][row][i] - mean_sum_, d = maps_[kDifference][row][i] - mean_difference_;
                maps_[kSum][row][i] = s;
                maps_[kDifference][row][i] = d;
                maps_[kSumSquared][row][i] = s * s;
                maps_[kDifferenceSquared][row][i] = d * d;
            }
        }
    }

    void blur_down(int map, int64_t row, int64_t columns) {
        const float(*const rows)[kStride] = &maps_[map][row];
        const auto w = window_;
        for (int64_t i = 0; i < columns; ++i) {
            blurred_[map][i] = w[0] * rows[5][i] + w[1] * (rows[4][i] + rows[6][i]) + w[2] * (rows[3][i] + rows[7][i]) +
                               w[3] * (rows[2][i] + rows[8][i]) + w[4] * (rows[1][i] + rows[9][i]) +
                               w[5] * (rows[0][i] + rows[10][i]);
        }
    }

    // Blurs along the row, and adds what follows from it to each column.
    void add_row(int64_t columns) {
        const auto w = window_;
        const auto blur = [&](const float* v) {
            return w[0] * v[5] + w[1] * (v[4] + v[6]) + w[2] * (v[3] + v[7]) + w[3] * (v[2] + v[8]) +
                   w[4] * (v[1] + v[9]) + w[5] * (v[0] + v[10]);
        };
        const float mean_sum = mean_sum_, mean_difference = mean_difference_;
        for (int64_t i = 0; i < columns; ++i) {
            const float s = blur(&blurred_[kSum][i]), d = blur(&blurred_[kDifference][i]);
            const float var_s = blur(&blurred_[kSumSquared][i]) - s * s,
                        var_d = blur(&blurred_[kDifferenceSquared][i]) - d * d;
            const float m_s = s + mean_sum, m_d = d + mean_difference;
            const float contrast = (0.5f * (var_s - var_d) + kC2) / (0.5f * (var_s + var_d) + kC2);
            const float luminance = (0.5f * (m_s * m_s - m_d * m_d) + kC1) / (0.5f * (m_s * m_s + m_d * m_d) + kC1);
            contrast_[i] += contrast;
            ssim_[i] += luminance * contrast;
        }
    }

    std::array<float, kRadius + 1> window_ = gaussian();
    float maps_[kMaps][kLoaded][kStride];
    float blurred_[kMaps][kStride];  // down the columns
    float ssim_[kStride], contrast_[kStride];
    float mean_sum_ = 0, mean_difference_ = 0;
};

// The means of 2x2 pixels; an odd last row or column is dropped.
Plane halved(const Plane& plane, std::vector<float>& values) {
    const int64_t width = plane.width / 2, height = plane.height / 2;
    values.resize(static_cast<size_t>(width * height));
    for (int64_t y = 0; y < height; ++y) {
        const float *const upper = plane.values + 2 * y * plane.width, *const lower = upper + plane.width;
        float* const out = values.data() + y * width;
        for (int64_t x = 0; x < width; ++x)
            out[x] = 0.25f * ((upper[2 * x] + upper[2 * x + 1]) + (lower[2 * x] + lower[2 * x + 1]));
    }
    return {values.data(), width, height};
}

double squared_difference(const media::Image& a, const media::Image& b) {
    // The squares of so many bytes fit 32 bits, which is twice as fast as 64.
    constexpr size_t kPiece = 1 << 15;
    double sum = 0;
    for (size_t begin = 0; begin < a.rgb.size(); begin += kPiece) {
        const size_t count = std::min(kPiece, a.rgb.size() - begin);
        const uint8_t *const pa = a.rgb.data() + begin, *const pb = b.rgb.data() + begin;
        uint32_t piece = 0;
        for (size_t i = 0; i < count; ++i) {
            const int d = pa[i] - pb[i];
            piece += static_cast<uint32_t>(d * d);
        }
        sum += piece;
    }
    return sum;
}

double decibels(double mse) {
    return mse > 0 ? std::min(kBestPsnr, 10 * std::log10(255.0 * 255.0 / mse)) : kBestPsnr;
}

double mean(const std::vector<double>& values) {
    double sum = 0;
    for (const double value : values) sum += value;
    return sum / double(values.size());
}

class FidelityMeter : public Meter {
  public:
    explicit FidelityMeter(const FilmShape& shape) : width_(shape.width), height_(shape.height) {
        for (int64_t side = std::min(width_, height_); side >= kWindow && scales_ < kScales; side /= 2) ++scales_;
    }

    void take(const Frame& frame, const Frame* reference) override {
        require(reference && frame.width() == width_ && frame.height() == height_ && reference->width() == width_ &&
                    reference->height() == height_,
                "fidelity: expected two frames of ", width_, 'x', height_);
        const double squares = squared_difference(frame.image, reference->image),
                     count = double(frame.image.rgb.size());
        squares_ += squares;
        count_ += count;
        psnr_.push_back(decibels(squares / count));
        if (scales_ > 0) compare_structure(frame, *reference);
    }

    std::vector<Value> values() override {
        const auto nan = std::numeric_limits<double>::quiet_NaN();
        if (psnr_.empty()) {
            std::vector<Value> none;
            for (const Metric& metric : kMetrics) none.push_back({&metric, nan, "the film has no frame", {}});
            return none;
        }
        std::vector<Value> found = {{&kPsnr, decibels(squares_ / count_), "", psnr_}};
        if (scales_ == 0) {
            const std::string note =
                fmt::format("a frame of {}x{} has no room for the window of 11x11 pixels", width_, height_);
            found.push_back({&kSsim, nan, note, {}});
            found.push_back({&kMsSsim, nan, note, {}});
            return found;
        }
        found.push_back({&kSsim, mean(ssim_), "", ssim_});
        found.push_back({&kMsSsim, mean(ms_ssim_), "", ms_ssim_});
        if (scales_ < kScales) {
            found.back().note =
                fmt::format("{} of {} scales, as a frame of {}x{} has room for", scales_, kScales, width_, height_);
        }
        return found;
    }

  private:
    void compare_structure(const Frame& frame, const Frame& reference) {
        double weights = 0, product = 1;
        for (size_t scale = 0; scale < scales_; ++scale) weights += kScaleWeights[scale];
        Plane a{frame.luma.data(), width_, height_}, b{reference.luma.data(), width_, height_};
        for (size_t scale = 0; scale < scales_; ++scale) {
            if (scale > 0) {
                a = halved(a, smaller_[scale - 1]);
                b = halved(b, smaller_reference_[scale - 1]);
            }
            const int64_t columns = a.width - kWindow + 1, rows = a.height - kWindow + 1;
            Sums sums;
            for (int64_t y = 0; y < rows; y += SsimTile::kRows) {
                for (int64_t x = 0; x < columns; x += SsimTile::kColumns) tile_.add(a, b, x, y, sums);
            }
            const double places = double(columns * rows), term = scale + 1 < scales_ ? sums.contrast : sums.ssim;
            if (scale == 0) ssim_.push_back(sums.ssim / places);
            product *= std::pow(std::max(0.0, term / places), kScaleWeights[scale] / weights);
        }
        ms_ssim_.push_back(product);
    }

    int64_t width_, height_;
    size_t scales_ = 0;  // that have room for the window
    double squares_ = 0, count_ = 0;
    std::vector<double> psnr_, ssim_, ms_ssim_;  // of each frame
    SsimTile tile_;
    std::array<std::vector<float>, kScales - 1> smaller_, smaller_reference_;
};

}  // namespace

std::span<const Metric> fidelity_metrics() {
    return kMetrics;
}

std::unique_ptr<Meter> fidelity_meter(const FilmShape& shape) {
    return std::make_unique<FidelityMeter>(shape);
}

}  // namespace t3video::evaluation
