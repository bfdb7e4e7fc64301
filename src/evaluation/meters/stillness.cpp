#include "evaluation/meters/stillness.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <vector>

namespace t3video::evaluation {
namespace {

enum Index { kFlicker, kStatic, kFrozen, kDuplicate, kLeap };
constexpr Metric kMetrics[] = {
    {
        .name = "flicker",
        .title = "Flicker",
        .better = Better::lower,
        .unit = "levels",
        .range = "0 to 255 levels; 0 where what stands still keeps its brightness or changes it evenly",
        .definition = "How much the luma of what stands still jumps from frame to frame, whether the whole picture "
                      "pumps, patches shimmer or pixels are noisy.",
        .formula = "Over each three frames t-1, t, t+1 and all whole 16x16 blocks from the upper left that stand still "
                   "(see static_share): the mean of |Y'(t) - (Y'(t-1) + Y'(t+1))/2|. Of single frames: the same for "
                   "each t but the first and the last frame.",
        .source = "t3video",
        .blindness = "Fine motion of low contrast counts as stillness, and its changes as flicker; so do the film's "
                     "own noise and grain, and lights that really blink. A brightness that rises or falls evenly is no "
                     "flicker. Flicker of what moves is not seen, nor that of blocks so strong that they seem to move.",
    },
    {
        .name = "static_share",
        .title = "Still blocks",
        .better = Better::neither,
        .unit = "%",
        .range = "0 to 100 %",
        .definition = "The share of the picture that stands still, in which flicker is measured.",
        .formula = "A whole 16x16 block stands still from frame t-1 to t+1 if, over its sixteen 4x4 cells with "
                   "d = mean Y'(t+1) - mean Y'(t-1) of the cell, the mean of |d - mean(d)| is below 2 levels. "
                   "static_share = 100 * such blocks / all blocks, over all t but the first and the last frame.",
        .source = "t3video",
        .blindness = "What has no texture, as a clear sky, seems to stand still however it moves.",
    },
    {
        .name = "frozen_share",
        .title = "Frozen frames",
        .better = Better::lower,
        .unit = "%",
        .range = "0 to 100 %; 100 % is a still picture",
        .definition = "The share of pairs of neighbouring frames that are as good as equal.",
        .formula = "m(t) = the mean of |difference| of frames t and t+1 over pixels and R'G'B'. "
                   "frozen_share = 100 * pairs with m(t) < 0.255 levels / all pairs. Of single pairs: 100 or 0.",
        .source = "The threshold is the default of ffmpeg's freezedetect, -60 dB",
        .blindness = "A still scene is rightly still; a small thing that moves in front of one may be overlooked, and "
                     "noise over a frozen picture hides that it is frozen.",
    },
    {
        .name = "duplicate_share",
        .title = "Duplicated frames",
        .better = Better::lower,
        .unit = "%",
        .range = "0 to 100 %",
        .definition = "The share of pairs of neighbouring frames that are nearly equal in the midst of motion: frames "
                      "that are shown twice.",
        .formula = "m(t) = the mean of |difference| of frames t and t+1 over pixels and R'G'B'; M(t) = the median of "
                   "m(t-4..t-1) and m(t+1..t+4), as many as there are, at least 2. duplicate_share = 100 * pairs with "
                   "M(t) >= 0.255 levels and m(t) < M(t)/10 / all pairs. Of single pairs: 100 or 0.",
        .source = "t3video",
        .blindness = "Noise that differs from frame to frame hides duplicates. Where more than half of all pairs are "
                     "duplicates, the median is theirs and nothing is seen. Motion that stops for a moment looks the "
                     "same.",
    },
    {
        .name = "leap",
        .title = "Largest leap",
        .better = Better::lower,
        .unit = "",
        .range = "0 or more; 1 for even motion",
        .definition = "How many times larger the largest change from one frame to the next is than the changes around "
                      "it: dropped frames and cuts.",
        .formula = "m(t) = the mean of |difference| of frames t and t+1 over pixels and R'G'B'; M(t) = the median of "
                   "m(t-4..t-1) and m(t+1..t+4), as many as there are, at least 2. leap = max of m(t)/M(t) over the "
                   "pairs with M(t) >= 0.255 levels. Of single pairs: m(t)/M(t).",
        .source = "t3video",
        .blindness = "A flash, and motion that begins or ends at once, leap too. Leaps out of stillness are not seen, "
                     "for there is nothing to compare them with.",
    }};

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kBlock = 16, kCell = 4;
constexpr double kStill = 2;            // levels
constexpr double kFrozenBelow = 0.255;  // levels: -60 dB of 255
constexpr int64_t kAround = 4;          // pairs on each side

// What stands still of three frames, and how it flickers.
struct Stillness {
    int64_t blocks = 0;  // that stand still
    double jump = 0;     // the sum of |Y'(t) - (Y'(t-1) + Y'(t+1))/2| over these

    double flicker() const { return blocks ? jump / double(blocks * kBlock * kBlock) : kNaN; }
};

double mean_difference(const std::vector<uint8_t>& a, const std::vector<uint8_t>& b, int64_t row) {
    int64_t sum = 0;
    for (size_t first = 0; first < a.size(); first += size_t(row)) {
        const uint8_t *p = a.data() + first, *q = b.data() + first;
        int of_row = 0;
        for (int64_t i = 0; i < row; ++i) of_row += std::abs(p[i] - q[i]);
        sum += of_row;
    }
    return double(sum) / double(a.size());
}

// The median of the pairs around pair t; NaN where these are fewer than two.
double median_around(const std::vector<double>& differences, int64_t t) {
    std::vector<double> around;
    const int64_t end = std::min<int64_t>(int64_t(differences.size()), t + kAround + 1);
    for (int64_t i = std::max<int64_t>(0, t - kAround); i < end; ++i) {
        if (i != t) around.push_back(differences[i]);
    }
    if (around.size() < 2) return kNaN;
    std::ranges::sort(around);
    const size_t n = around.size();
    return (around[(n - 1) / 2] + around[n / 2]) / 2;
}

class StillnessMeter : public Meter {
  public:
    explicit StillnessMeter(const FilmShape& shape)
        : width_(shape.width),
          height_(shape.height),
          across_(width_ / kBlock),
          down_(height_ / kBlock),
          change_(across_ * kBlock),
          jump_(across_ * kBlock),
          cells_(across_ * kBlock) {}

    void take(const Frame& frame, const Frame*) override {
        if (frames_ >= 1) differences_.push_back(mean_difference(frame.image.rgb, rgb_, frame.image.row_bytes()));
        if (frames_ >= 2 && across_ * down_ > 0) triples_.push_back(compare(before_, last_, frame.luma));
        std::swap(before_, last_);
        last_ = frame.luma;
        rgb_ = frame.image.rgb;
        ++frames_;
    }

    std::vector<Value> values() override {
        return {flicker(), static_share(), frozen_share(), duplicate_share(), leap()};
    }

  private:
    Stillness compare(const std::vector<float>& before, const std::vector<float>& now,
                      const std::vector<float>& after) {
        Stillness found;
        const int64_t n = across_ * kBlock;
        for (int64_t j = 0; j < down_; ++j) {
            std::ranges::fill(jump_, 0.0f);
            for (int64_t k = 0; k < kBlock; ++k) {
                const int64_t row = (j * kBlock + k) * width_;
                const float *a = before.data() + row, *b = now.data() + row, *c = after.data() + row;
                if (k % kCell == 0) std::ranges::fill(change_, 0.0f);
                float *change = change_.data(), *jump = jump_.data();
                for (int64_t x = 0; x < n; ++x) {
                    change[x] += c[x] - a[x];
                    jump[x] += std::abs(b[x] - 0.5f * (a[x] + c[x]));
                }
                if (k % kCell == kCell - 1) keep_cells(k / kCell);
            }
            for (int64_t i = 0; i < across_; ++i) {
                if (!stands_still(cells_.data() + i * kBlock)) continue;
                ++found.blocks;
                for (int64_t x = i * kBlock; x < (i + 1) * kBlock; ++x) found.jump += jump_[x];
            }
        }
        return found;
    }

    // The means of a row of cells, from the sums of their columns.
    void keep_cells(int64_t row) {
        for (int64_t i = 0; i < across_; ++i) {
            for (int64_t k = 0; k < kBlock / kCell; ++k) {
                const float* sum = change_.data() + i * kBlock + k * kCell;
                cells_[i * kBlock + row * (kBlock / kCell) + k] = (sum[0] + sum[1] + sum[2] + sum[3]) / (kCell * kCell);
            }
        }
    }

    static bool stands_still(const float* cells) {
        constexpr int64_t kCells = (kBlock / kCell) * (kBlock / kCell);
        double mean = 0, spread = 0;
        for (int64_t i = 0; i < kCells; ++i) mean += cells[i];
        mean /= kCells;
        for (int64_t i = 0; i < kCells; ++i) spread += std::abs(cells[i] - mean);
        return spread / kCells < kStill;
    }

    std::string why_no_triple() const {
        return frames_ < 3 ? "needs three frames" : "frames are smaller than a block of 16x16 pixels";
    }

    Value flicker() const {
        Value value{&kMetrics[kFlicker], kNaN, {}, {}};
        Stillness sum;
        for (const Stillness& triple : triples_) {
            sum.blocks += triple.blocks, sum.jump += triple.jump;
            value.parts.push_back(triple.flicker());
        }
        value.value = sum.flicker();
        if (sum.blocks == 0) value.note = triples_.empty() ? why_no_triple() : "nothing stands still";
        return value;
    }

    Value static_share() const {
        Value value{&kMetrics[kStatic], kNaN, {}, {}};
        for (const Stillness& triple : triples_) {
            value.parts.push_back(100.0 * double(triple.blocks) / double(across_ * down_));
        }
        if (triples_.empty()) {
            value.note = why_no_triple();
        } else {
            value.value = mean(value.parts);
        }
        return value;
    }

    Value frozen_share() const {
        Value value{&kMetrics[kFrozen], kNaN, {}, {}};
        for (const double difference : differences_) value.parts.push_back(difference < kFrozenBelow ? 100 : 0);
        if (differences_.empty()) {
            value.note = "needs two frames";
        } else {
            value.value = mean(value.parts);
        }
        return value;
    }

    // m(t)/M(t) of each pair; NaN where too few pairs are around it, or these do not move.
    std::vector<double> ratios() const {
        std::vector<double> ratios;
        for (int64_t t = 0; t < int64_t(differences_.size()); ++t) {
            const double median = median_around(differences_, t);
            ratios.push_back(median >= kFrozenBelow ? differences_[t] / median : kNaN);
        }
        return ratios;
    }

    std::string why_no_ratio() const { return frames_ < 4 ? "needs four frames" : "nothing moves"; }

    Value duplicate_share() const {
        Value value{&kMetrics[kDuplicate], kNaN, {}, {}};
        const std::vector<double> ratios = this->ratios();
        for (const double ratio : ratios) value.parts.push_back(ratio < 0.1 ? 100 : 0);
        if (std::ranges::all_of(ratios, [](double ratio) { return std::isnan(ratio); })) {
            value.note = why_no_ratio();
        } else {
            value.value = mean(value.parts);
        }
        return value;
    }

    Value leap() const {
        Value value{&kMetrics[kLeap], kNaN, {}, ratios()};
        for (const double ratio : value.parts) value.value = std::fmax(value.value, ratio);
        if (std::isnan(value.value)) value.note = why_no_ratio();
        return value;
    }

    static double mean(const std::vector<double>& parts) {
        return std::accumulate(parts.begin(), parts.end(), 0.0) / double(parts.size());
    }

    int64_t width_, height_, across_, down_;
    std::vector<float> change_, jump_;  // sums over the rows of a cell and of a block, of each column
    std::vector<float> cells_;          // [across, 4, 4]: mean Y'(t+1) - Y'(t-1)
    std::vector<float> before_, last_;  // luma of the last two frames
    std::vector<uint8_t> rgb_;          // of the last frame
    int64_t frames_ = 0;
    std::vector<Stillness> triples_;
    std::vector<double> differences_;
};

}  // namespace

std::span<const Metric> stillness_metrics() {
    return kMetrics;
}

std::unique_ptr<Meter> stillness_meter(const FilmShape& shape) {
    return std::make_unique<StillnessMeter>(shape);
}

}  // namespace t3video::evaluation
