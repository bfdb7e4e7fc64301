// Separable resampling: of each row of the picture first the columns, which are then added to all rows of the result
// that look at it.
#include "media/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <utility>

#include "core/error.h"
#include "core/parallel.h"

namespace t3video::media {
namespace {

using Taps = Resizer::Taps;

// Rows of the picture that wait until there are enough for all threads.
constexpr int64_t kBlockRows = 32;

double reach_of(Filter filter) {
    return filter == Filter::bicubic ? 2.0 : 3.0;
}

double value_of(Filter filter, double x) {
    x = std::abs(x);
    if (x >= reach_of(filter)) return 0.0;
    if (filter == Filter::bicubic) {
        constexpr double a = -0.5;
        return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
    }
    if (x == 0.0) return 1.0;
    const double t = std::numbers::pi * x;
    return std::sin(t) / t * std::sin(t / 3) / (t / 3);
}

// For samples [begin, begin + count) of a side that goes from `in` to `out` samples.
std::vector<Taps> taps_of(Filter filter, int64_t in, int64_t out, int64_t begin, int64_t count) {
    const double step = double(in) / double(out), stretch = std::max(1.0, step), reach = reach_of(filter) * stretch;
    std::vector<Taps> all;
    for (int64_t i = begin; i < begin + count; ++i) {
        const double centre = (double(i) + 0.5) * step;
        Taps taps{.first = std::max<int64_t>(0, static_cast<int64_t>(std::floor(centre - reach + 0.5)))};
        const int64_t end = std::min(in, static_cast<int64_t>(std::floor(centre + reach + 0.5)));
        std::vector<double> weights;
        double sum = 0;
        for (int64_t j = taps.first; j < end; ++j) {
            weights.push_back(value_of(filter, (double(j) + 0.5 - centre) / stretch));
            sum += weights.back();
        }
        for (const double weight : weights) taps.weights.push_back(static_cast<float>(weight / sum));
        all.push_back(std::move(taps));
    }
    return all;
}

void resize_row(const uint8_t* row, const std::vector<Taps>& columns, float* out) {
    for (const Taps& taps : columns) {
        const uint8_t* in = row + taps.first * 3;
        float r = 0, g = 0, b = 0;
        for (const float weight : taps.weights) {
            r += weight * static_cast<float>(in[0]);
            g += weight * static_cast<float>(in[1]);
            b += weight * static_cast<float>(in[2]);
            in += 3;
        }
        *out++ = r;
        *out++ = g;
        *out++ = b;
    }
}

void check(int64_t in_width, int64_t in_height, int64_t width, int64_t height) {
    require(in_width > 0 && in_height > 0 && width > 0 && height > 0, "resize: a picture of ", in_width, "x", in_height,
            " to ", width, "x", height, ", expected positive sides");
}

}  // namespace

Fitting stretching(int64_t in_width, int64_t in_height, int64_t width, int64_t height, Filter filter) {
    check(in_width, in_height, width, height);
    return {in_width, in_height, width, height, 0, 0, width, height, filter};
}

Fitting covering(int64_t in_width, int64_t in_height, int64_t width, int64_t height, Filter filter,
                 double pixel_aspect) {
    check(in_width, in_height, width, height);
    const double shown_width = double(in_width) * pixel_aspect;  // in pixels as high as they are wide
    const double factor = std::max(double(width) / shown_width, double(height) / double(in_height));
    const int64_t full_width = std::max<int64_t>(width, std::llround(shown_width * factor)),
                  full_height = std::max<int64_t>(height, std::llround(double(in_height) * factor));
    return {in_width, in_height, full_width, full_height, (full_width - width) / 2, (full_height - height) / 2,
            width,    height,    filter};
}

Resizer::Resizer(const Fitting& fitting, int threads, Sink sink)
    : fitting_(fitting), threads_(threads), sink_(std::move(sink)) {
    const Fitting& f = fitting_;
    if (f.is_copy()) return;
    columns_ = taps_of(f.filter, f.in_width, f.full_width, f.left, f.width);
    rows_ = taps_of(f.filter, f.in_height, f.full_height, f.top, f.height);
}

void Resizer::add(const uint8_t* row) {
    const int64_t y = next_++;
    require(y < fitting_.in_height, "resize: more than ", fitting_.in_height, " rows");
    if (fitting_.is_copy()) return sink_(y, row);
    if (y < rows_.front().first || y >= rows_.back().end()) return;  // cut off
    if (block_.empty()) block_first_ = y;
    block_.insert(block_.end(), row, row + fitting_.in_width * 3);
    if (next_ - block_first_ == kBlockRows || next_ == rows_.back().end()) flush();
}

void Resizer::flush() {
    const int64_t count = next_ - block_first_, line = fitting_.width * 3;
    between_.resize(static_cast<size_t>(count * line));
    parallel_for(threads_, 0, count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i)
            resize_row(block_.data() + i * fitting_.in_width * 3, columns_, between_.data() + i * line);
    });
    block_.clear();

    int64_t begun = emitted_ + static_cast<int64_t>(sums_.size());
    for (; begun < fitting_.height && rows_[size_t(begun)].first < next_; ++begun)
        sums_.emplace_back(static_cast<size_t>(line), 0.0f);
    parallel_for(threads_, emitted_, begun, 1, [&](int64_t begin, int64_t end) {
        for (int64_t y = begin; y < end; ++y) {
            const Taps& taps = rows_[static_cast<size_t>(y)];
            float* sums = sums_[static_cast<size_t>(y - emitted_)].data();
            for (int64_t j = std::max(taps.first, block_first_); j < std::min(taps.end(), next_); ++j) {
                const float weight = taps.weights[static_cast<size_t>(j - taps.first)];
                const float* in = between_.data() + (j - block_first_) * line;
                for (int64_t i = 0; i < line; ++i) sums[i] += weight * in[i];
            }
        }
    });

    int64_t done = emitted_;
    std::vector<uint8_t> row(static_cast<size_t>(line));
    for (; done < begun && rows_[static_cast<size_t>(done)].end() <= next_; ++done) {
        std::ranges::transform(sums_[static_cast<size_t>(done - emitted_)], row.begin(),
                               [](float sum) { return static_cast<uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f)); });
        sink_(done, row.data());
    }
    sums_.erase(sums_.begin(), sums_.begin() + (done - emitted_));
    emitted_ = done;
}

int64_t Resizer::bytes(const Fitting& f) {
    if (f.is_copy()) return 0;
    const auto taps = [&](int64_t in, int64_t out, int64_t count) {
        const double step = std::max(1.0, double(in) / double(out));
        const auto each = std::min(in, static_cast<int64_t>(2 * reach_of(f.filter) * step) + 2);
        return count * (each * int64_t{sizeof(float)} + int64_t{sizeof(Taps)});
    };
    const double step = double(f.in_height) / double(f.full_height);
    const double seen = double(kBlockRows) + 2 * reach_of(f.filter) * std::max(1.0, step);  // by the rows under way
    const int64_t rows = std::min(f.height, static_cast<int64_t>(seen / step) + 2);
    return taps(f.in_width, f.full_width, f.width) + taps(f.in_height, f.full_height, f.height) +
           kBlockRows * 3 * (f.in_width + f.width * int64_t{sizeof(float)}) +
           rows * f.width * 3 * int64_t{sizeof(float)} + f.width * 3;
}

}  // namespace t3video::media
