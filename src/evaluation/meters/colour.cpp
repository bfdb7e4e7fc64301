#include "evaluation/meters/colour.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace t3video::evaluation {
namespace {

enum Index { kDrift, kWander };
constexpr Metric kMetrics[] = {
    {
        .name = "colour_drift",
        .title = "Colour drift",
        .better = Better::lower,
        .unit = "Delta E",
        .range = "0 or more; 0 where the film ends in the colour it begins with, about 2 is just seen",
        .definition = "How far a film's mean colour is at the end from where it was in the beginning.",
        .formula = "c(t) = the mean linear light (sRGB curve) of frame t as CIELAB (white D65); F = max(1, floor(T/5)) "
                   "of T frames; colour_drift = |mean of the last F c(t) - mean of the first F c(t)| (Delta E 1976). "
                   "Of single frames: |c(t) - c(0)|.",
        .source = "CIE 15 (CIELAB), IEC 61966-2-1 (sRGB)",
        .blindness = "It sees the mean colour only: what the film shows may change it, as a camera that turns to the "
                     "sky does, and changes that cancel in the mean are not seen. A colour that leaves and returns "
                     "shows in colour_wander.",
    },
    {
        .name = "colour_wander",
        .title = "Colour wander",
        .better = Better::lower,
        .unit = "Delta E",
        .range = "0 or more; 0 where all frames have one mean colour",
        .definition = "How far the mean colour of the frame that is farthest away is from that of the whole film.",
        .formula = "c(t) = the mean linear light (sRGB curve) of frame t as CIELAB (white D65); "
                   "colour_wander = max over t of |c(t) - mean of c| (Delta E 1976). Of single frames: the same before "
                   "the maximum.",
        .source = "CIE 15 (CIELAB), IEC 61966-2-1 (sRGB)",
        .blindness = "It sees the mean colour only: what the film shows may change it, and a single flash of light "
                     "decides it.",
    }};

using Colour = std::array<double, 3>;

double light_of(int code) {
    const double v = code / 255.0;
    return v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
}

// IEC 61966-2-1's linear R, G, B as CIELAB, with the light of R = G = B = 1 as white.
Colour lab_of(const Colour& light) {
    constexpr double kXyz[3][3] = {{0.4124, 0.3576, 0.1805}, {0.2126, 0.7152, 0.0722}, {0.0193, 0.1192, 0.9505}};
    Colour f;
    for (int i = 0; i < 3; ++i) {
        const double* m = kXyz[i];
        const double share = (m[0] * light[0] + m[1] * light[1] + m[2] * light[2]) / (m[0] + m[1] + m[2]);
        constexpr double kDark = 6.0 / 29;
        f[i] = share > kDark * kDark * kDark ? std::cbrt(share) : share / (3 * kDark * kDark) + 4.0 / 29;
    }
    return {116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])};
}

double distance(const Colour& a, const Colour& b) {
    return std::hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);
}

Colour mean_of(std::span<const Colour> colours) {
    Colour mean{};
    for (const Colour& colour : colours) {
        for (int i = 0; i < 3; ++i) mean[i] += colour[i] / double(colours.size());
    }
    return mean;
}

class ColourMeter : public Meter {
  public:
    ColourMeter() {
        for (int code = 0; code < 256; ++code) light_[code] = light_of(code);
    }

    void take(const Frame& frame, const Frame*) override {
        Colour sum{};
        for (int64_t y = 0; y < frame.height(); ++y) {
            const uint8_t* rgb = frame.image.pixel(0, y);
            Colour of_row{};
            for (int64_t x = 0; x < frame.width(); ++x, rgb += 3) {
                for (int i = 0; i < 3; ++i) of_row[i] += light_[rgb[i]];
            }
            for (int i = 0; i < 3; ++i) sum[i] += of_row[i];
        }
        for (double& light : sum) light /= double(frame.width() * frame.height());
        colours_.push_back(lab_of(sum));
    }

    std::vector<Value> values() override {
        Value drift{&kMetrics[kDrift], std::numeric_limits<double>::quiet_NaN(), "needs two frames", {}};
        Value wander{&kMetrics[kWander], std::numeric_limits<double>::quiet_NaN(), "needs two frames", {}};
        if (colours_.size() < 2) return {drift, wander};

        const std::span<const Colour> colours = colours_;
        const size_t fifth = std::max<size_t>(1, colours.size() / 5);
        const Colour mean = mean_of(colours);
        for (const Colour& colour : colours) {
            drift.parts.push_back(distance(colour, colours.front()));
            wander.parts.push_back(distance(colour, mean));
        }
        drift.value = distance(mean_of(colours.last(fifth)), mean_of(colours.first(fifth)));
        wander.value = std::ranges::max(wander.parts);
        drift.note.clear();
        wander.note.clear();
        return {drift, wander};
    }

  private:
    std::array<double, 256> light_;
    std::vector<Colour> colours_;  // CIELAB of each frame
};

}  // namespace

std::span<const Metric> colour_metrics() {
    return kMetrics;
}

std::unique_ptr<Meter> colour_meter(const FilmShape&) {
    return std::make_unique<ColourMeter>();
}

}  // namespace t3video::evaluation
