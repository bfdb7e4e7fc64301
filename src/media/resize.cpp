// Separable resampling: rows first, then columns, in bands so that little lies between the two.
#include "media/resize.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "core/parallel.h"

namespace t3video::media {
namespace {

// Rows of the result made at a time: neighbouring bands repeat the rows under both their filters.
constexpr int64_t kBandRows = 32;

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

// What one sample of the result takes from the source: samples first, first + 1, ...
struct Taps {
    int64_t first = 0;
    std::vector<float> weights;  // sum 1
    int64_t end() const { return first + static_cast<int64_t>(weights.size()); }
};

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

// Part [left, left + width) x [top, top + height) of the image resized to full_width x full_height.
Image resize_part(const Image& image, int64_t full_width, int64_t full_height, int64_t left, int64_t top, int64_t width,
                  int64_t height, Filter filter, int threads) {
    const std::vector<Taps> columns = taps_of(filter, image.width, full_width, left, width),
                            rows = taps_of(filter, image.height, full_height, top, height);
    Image result(width, height);
    const int64_t line = width * 3, bands = (height + kBandRows - 1) / kBandRows;
    parallel_for(threads, 0, bands, 1, [&](int64_t begin, int64_t end) {
        std::vector<float> between, sums(static_cast<size_t>(line));
        for (int64_t band = begin; band < end; ++band) {
            const int64_t top_row = band * kBandRows, last_row = std::min(height, top_row + kBandRows) - 1;
            const int64_t first = rows[size_t(top_row)].first, count = rows[size_t(last_row)].end() - first;
            between.resize(static_cast<size_t>(count * line));
            for (int64_t i = 0; i < count; ++i)
                resize_row(image.pixel(0, first + i), columns, between.data() + i * line);
            for (int64_t y = top_row; y <= last_row; ++y) {
                const Taps& taps = rows[static_cast<size_t>(y)];
                std::ranges::fill(sums, 0.0f);
                for (size_t k = 0; k < taps.weights.size(); ++k) {
                    const float* in = between.data() + (taps.first - first + static_cast<int64_t>(k)) * line;
                    for (int64_t i = 0; i < line; ++i) sums[static_cast<size_t>(i)] += taps.weights[k] * in[i];
                }
                uint8_t* out = result.pixel(0, y);
                for (const float sum : sums) *out++ = static_cast<uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f));
            }
        }
    });
    return result;
}

void check(const Image& image, int64_t width, int64_t height) {
    require(image.samples == Samples::u8 && image.width > 0 && image.height > 0 && width > 0 && height > 0,
            "resize: an image of ", image.width, "x", image.height, " to ", width, "x", height,
            ", expected 8-bit samples and positive sides");
}

}  // namespace

Image resize(const Image& image, int64_t width, int64_t height, Filter filter, int threads) {
    check(image, width, height);
    if (image.width == width && image.height == height) return image;
    return resize_part(image, width, height, 0, 0, width, height, filter, threads);
}

Image cover(const Image& image, int64_t width, int64_t height, Filter filter, int threads) {
    check(image, width, height);
    if (image.width == width && image.height == height) return image;
    const double factor = std::max(double(width) / double(image.width), double(height) / double(image.height));
    const int64_t full_width = std::max<int64_t>(width, std::llround(double(image.width) * factor)),
                  full_height = std::max<int64_t>(height, std::llround(double(image.height) * factor));
    return resize_part(image, full_width, full_height, (full_width - width) / 2, (full_height - height) / 2, width,
                       height, filter, threads);
}

}  // namespace t3video::media
