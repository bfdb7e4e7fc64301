#include "evaluation/meters/banding.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <vector>

namespace t3video::evaluation {
namespace {

constexpr Metric kMetrics[] = {{
    .name = "banding",
    .title = "Banding",
    .better = Better::lower,
    .unit = "levels",
    .range = "0 levels or more; even gradients have 0, gradients quantised to steps of q levels about q",
    .definition = "How high the steps are by which smooth gradients of luma climb, weighted by the share of the climb "
                  "that happens in steps.",
    .formula =
        "C = round(219/255 Y'), luma in the codes of 8-bit video, whose single steps no film can avoid; S = mean of C "
        "over 5x5 pixels. Blocks of BxB pixels, B = max(32, 8 floor(min(width, height)/120)), slope smoothly if "
        "(1) the mean of |C-S| is at most 1 (no texture), (2) |S(p+6)-S(p)| is at most 9 everywhere along rows and "
        "columns (no edges of objects), (3) the means of the block's 8x8 cells span at least 2, and (4) climb one way: "
        "|sum dx| + |sum dy| >= 0.7 (sum |dx| + sum |dy|), dx and dy their differences to the next cell in the row and "
        "in the column. S is taken where its pixels lie inside the block or the run. A block is followed along its "
        "steeper axis: rows if |sum dx| >= |sum dy|, else columns. At each pixel p with 11 pixels before and behind it "
        "in a run of such blocks of the same axis, the rise is h = |S(p+3)-S(p-3)| and the climb is "
        "g = |S(p+9)-S(p-9)|. p is a step if h >= 1.4; h is the largest within 4 pixels along the axis, the first of "
        "equals; |S(p+k)-S(p+k+3)| <= h/4 for k = -9, -6, 3, 6 (flats on both sides); and the means of C over 3x3 "
        "pixels at p+2 and p-2 differ by at least 0.8 h (it is sharp). "
        "banding = 255/219 * sum of g^2 over steps / (sum of g over all p / 18), over all frames.",
    .source = "t3video",
    .blindness = "Steps of a single code of 8-bit video (1.16 levels), bands narrower than about 10 pixels, steps "
                 "above about 10 levels and steps of colour without luma are not seen. Noise hides steps: of sigma 0.5 "
                 "levels by a few percent, of sigma 1 up to a half of steps of 2 levels; beyond about 1.3 blocks "
                 "count as texture. Block borders of a coarse codec in a gradient count as steps, and so do sharp but "
                 "faint edges of objects in front of one. Blurred texture that happens to climb one way through a "
                 "block can look like steps.",
}};

// Sums stand for means, so that all is exact in 16 bits: S for 25 pixels, cells for 64.
constexpr int kArea = 25;
constexpr int64_t kCell = 8;
constexpr int64_t kReach = 11;  // pixels on each side of p: 9 to the centres of the outermost means, 2 of these
constexpr int64_t kRim = 2;     // what a mean reaches beyond its pixel
constexpr int kSteepest = 9 * kArea;
constexpr int kLeastRise = 35;  // 1.4 kArea
constexpr int kLeastSpan = 2 * kCell * kCell;
constexpr double kOneWay = 0.7;
constexpr double kCodesPerLevel = 219.0 / 255;

enum class Slope : uint8_t { none, along_rows, along_columns };

struct Totals {
    int64_t steps = 0;  // sum of g^2 over steps, times kArea^2
    int64_t climb = 0;  // sum of g, times kArea

    double levels() const {
        if (climb == 0) return std::numeric_limits<double>::quiet_NaN();
        return 18.0 * double(steps) / (double(climb) * kArea) / kCodesPerLevel;
    }
    void add(const Totals& other) { steps += other.steps, climb += other.climb; }
};

class BandingMeter : public Meter {
  public:
    explicit BandingMeter(const FilmShape& shape)
        : width_(shape.width),
          height_(shape.height),
          side_(std::max<int64_t>(32, std::min(width_, height_) / 120 * 8)),
          across_(width_ / side_),
          down_(height_ / side_),
          codes_(width_ * height_),
          sums_(width_ * height_),
          columns_(width_),
          slopes_(across_ * down_) {}

    void take(const Frame& frame, const Frame*) override {
        if (slopes_.empty()) return;
        for (int64_t i = 0; i < width_ * height_; ++i) {
            codes_[i] = int16_t(frame.luma[i] * float(kCodesPerLevel) + 0.5f);
        }
        sum_neighbourhoods();
        for (int64_t j = 0; j < down_; ++j) {
            for (int64_t i = 0; i < across_; ++i) slopes_[j * across_ + i] = slope_of(j * side_, i * side_);
        }
        Totals totals;
        follow_rows(totals);
        follow_columns(totals);
        of_film_.add(totals);
        of_frames_.push_back(totals.levels());
    }

    std::vector<Value> values() override {
        Value value{&kMetrics[0], of_film_.levels(), {}, of_frames_};
        if (!std::isfinite(value.value)) {
            value.note =
                slopes_.empty() ? "frames are smaller than a block of 32x32 pixels" : "nothing slopes smoothly";
        }
        return {value};
    }

  private:
    const int16_t* sums(int64_t y, int64_t x) const { return sums_.data() + y * width_ + x; }
    const int16_t* codes(int64_t y, int64_t x) const { return codes_.data() + y * width_ + x; }
    Slope slope(int64_t j, int64_t i) const { return slopes_[j * across_ + i]; }

    // The sum of 5x5 codes around each pixel that is not at the frame's rim.
    void sum_neighbourhoods() {
        std::ranges::fill(columns_, 0);
        for (int64_t y = 0; y < height_; ++y) {
            const int16_t* in = codes(y, 0);
            for (int64_t x = 0; x < width_; ++x) columns_[x] = int16_t(columns_[x] + in[x]);
            if (y < 2 * kRim) continue;
            const int16_t* column = columns_.data();
            int16_t* out = sums_.data() + (y - kRim) * width_;
            for (int64_t x = kRim; x < width_ - kRim; ++x) {
                out[x] = int16_t(column[x - 2] + column[x - 1] + column[x] + column[x + 1] + column[x + 2]);
            }
            const int16_t* gone = codes(y - 2 * kRim, 0);
            for (int64_t x = 0; x < width_; ++x) columns_[x] = int16_t(columns_[x] - gone[x]);
        }
    }

    // Of the block whose first pixel is (y, x).
    Slope slope_of(int64_t y, int64_t x) const {
        if (is_textured(y, x) || has_edges(y, x)) return Slope::none;
        const int64_t cells = side_ / kCell;
        int least = std::numeric_limits<int>::max(), most = 0;
        int64_t net_x = 0, net_y = 0, all_x = 0, all_y = 0;
        for (int64_t j = 0; j < cells; ++j) {
            for (int64_t i = 0; i < cells; ++i) {
                const int here = cell_sum(y + j * kCell, x + i * kCell);
                least = std::min(least, here), most = std::max(most, here);
                if (i + 1 < cells) {
                    const int dx = cell_sum(y + j * kCell, x + (i + 1) * kCell) - here;
                    net_x += dx, all_x += std::abs(dx);
                }
                if (j + 1 < cells) {
                    const int dy = cell_sum(y + (j + 1) * kCell, x + i * kCell) - here;
                    net_y += dy, all_y += std::abs(dy);
                }
            }
        }
        net_x = std::abs(net_x), net_y = std::abs(net_y);
        if (most - least < kLeastSpan || double(net_x + net_y) < kOneWay * double(all_x + all_y)) return Slope::none;
        return net_x >= net_y ? Slope::along_rows : Slope::along_columns;
    }

    bool is_textured(int64_t y0, int64_t x0) const {
        int64_t residue = 0;
        const int64_t n = side_ - 2 * kRim;
        for (int64_t y = y0 + kRim; y < y0 + side_ - kRim; ++y) {
            const int16_t *c = codes(y, x0 + kRim), *s = sums(y, x0 + kRim);
            int of_row = 0;
            for (int64_t x = 0; x < n; ++x) of_row += std::abs(kArea * c[x] - s[x]);
            residue += of_row;
        }
        return residue > kArea * n * n;
    }

    bool has_edges(int64_t y0, int64_t x0) const {
        constexpr int64_t kBaseline = 6;
        const int64_t n = side_ - 2 * kRim;
        int steepest = 0;
        for (int64_t y = y0 + kRim; y < y0 + kRim + n; ++y) {
            const int16_t* s = sums(y, x0 + kRim);
            for (int64_t x = 0; x < n - kBaseline; ++x)
                steepest = std::max(steepest, std::abs(s[x + kBaseline] - s[x]));
            if (y + kBaseline >= y0 + kRim + n) continue;
            const int16_t* below = s + kBaseline * width_;
            for (int64_t x = 0; x < n; ++x) steepest = std::max(steepest, std::abs(below[x] - s[x]));
        }
        return steepest > kSteepest;
    }

    int cell_sum(int64_t y0, int64_t x0) const {
        int sum = 0;
        for (int64_t y = y0; y < y0 + kCell; ++y) {
            const int16_t* c = codes(y, x0);
            for (int64_t x = 0; x < kCell; ++x) sum += c[x];
        }
        return sum;
    }

    void follow_rows(Totals& totals) const {
        for (int64_t j = 0; j < down_; ++j) {
            for (int64_t i = 0, end; i < across_; i = end + 1) {
                for (end = i; end < across_ && slope(j, end) == Slope::along_rows; ++end) {
                }
                if (end == i) continue;
                for (int64_t y = j * side_ + kRim; y < (j + 1) * side_ - kRim; ++y) {
                    follow(y, i * side_ + kReach, (end - i) * side_ - 2 * kReach, 1, totals);
                }
            }
        }
    }

    void follow_columns(Totals& totals) const {
        for (int64_t i = 0; i < across_; ++i) {
            for (int64_t j = 0, end; j < down_; j = end + 1) {
                for (end = j; end < down_ && slope(end, i) == Slope::along_columns; ++end) {
                }
                if (end == j) continue;
                for (int64_t y = j * side_ + kReach; y < end * side_ - kReach; ++y) {
                    follow(y, i * side_ + kRim, side_ - 2 * kRim, width_, totals);
                }
            }
        }
    }

    // Pixels x to x + n - 1 of row y as centres, along an axis on which neighbours are `next` pixels apart.
    void follow(int64_t y, int64_t x, int64_t n, int64_t next, Totals& totals) const {
        const int16_t* s = sums(y, x);
        int climb = 0;
        for (int64_t i = 0; i < n; ++i) climb += std::abs(s[i + 9 * next] - s[i - 9 * next]);
        totals.climb += climb;
        for (int64_t i = 0; i < n; ++i) {
            if (rise(s + i, next) < kLeastRise || !is_step(s + i, codes(y, x + i), next)) continue;
            const int64_t height = s[i + 9 * next] - s[i - 9 * next];
            totals.steps += height * height;
        }
    }

    static int rise(const int16_t* s, int64_t next) { return std::abs(s[3 * next] - s[-3 * next]); }

    bool is_step(const int16_t* s, const int16_t* c, int64_t next) const {
        const int h = rise(s, next);
        for (int64_t k = 1; k <= 4; ++k) {
            if (rise(s - k * next, next) >= h || rise(s + k * next, next) > h) return false;
        }
        for (const int64_t k : {-9, -6, 3, 6}) {
            if (4 * std::abs(s[k * next] - s[(k + 3) * next]) > h) return false;
        }
        // The means differ by |near| / 9, the rise is h / 25.
        const int near = sum_of_9(c + 2 * next) - sum_of_9(c - 2 * next);
        return 5 * kArea * std::abs(near) >= 4 * 9 * h;
    }

    int sum_of_9(const int16_t* c) const {
        int sum = 0;
        for (const int64_t down : {-width_, int64_t(0), width_}) sum += c[down - 1] + c[down] + c[down + 1];
        return sum;
    }

    int64_t width_, height_, side_, across_, down_;
    std::vector<int16_t> codes_, sums_;  // [height, width]
    std::vector<int16_t> columns_;       // sums of five rows
    std::vector<Slope> slopes_;          // [down, across]
    Totals of_film_;
    std::vector<double> of_frames_;
};

}  // namespace

std::span<const Metric> banding_metrics() {
    return kMetrics;
}

std::unique_ptr<Meter> banding_meter(const FilmShape& shape) {
    return std::make_unique<BandingMeter>(shape);
}

}  // namespace t3video::evaluation
