// PSNR, SSIM and MS-SSIM against plain loops in double precision.
#include "evaluation/meters/fidelity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <random>

#include "core/error.h"

namespace t3video::evaluation {
namespace {

Frame frame_of(int64_t width, int64_t height, const std::function<double(int64_t x, int64_t y, int channel)>& level) {
    Frame frame;
    frame.image = media::Image(width, height);
    frame.luma.resize(static_cast<size_t>(width * height));
    for (int64_t y = 0; y < height; ++y) {
        for (int64_t x = 0; x < width; ++x) {
            uint8_t* const p = frame.image.pixel(x, y);
            for (int c = 0; c < 3; ++c) p[c] = static_cast<uint8_t>(std::clamp(std::lround(level(x, y, c)), 0L, 255L));
            frame.luma[y * width + x] = 0.2126f * float(p[0]) + 0.7152f * float(p[1]) + 0.0722f * float(p[2]);
        }
    }
    return frame;
}

Frame flat(int64_t width, int64_t height, double level) {
    return frame_of(width, height, [&](auto...) { return level; });
}

// Waves of several lengths over a slope.
Frame scene(int64_t width, int64_t height) {
    return frame_of(width, height, [&](int64_t x, int64_t y, int c) {
        return 110 + 40 * std::sin(0.05 * double(x) + c) * std::cos(0.031 * double(y)) +
               25 * std::sin(0.9 * double(x) + 0.7 * double(y)) + 30 * double(x) / double(width);
    });
}

Frame with_noise(const Frame& frame, double sigma, uint32_t seed) {
    std::mt19937 engine(seed);
    std::normal_distribution<double> normal(0, 1);
    return frame_of(frame.width(), frame.height(),
                    [&](int64_t x, int64_t y, int c) { return frame.image.pixel(x, y)[c] + sigma * normal(engine); });
}

Frame random_frame(int64_t width, int64_t height, uint32_t seed) {
    std::mt19937 engine(seed);
    return frame_of(width, height, [&](auto...) { return double(engine() % 256); });
}

struct Reference {
    std::vector<double> a, b;
    int64_t width, height;

    // The means over all places of SSIM and of its contrast and structure.
    std::pair<double, double> ssim() const {
        std::array<double, 11> w{};
        double sum = 0;
        for (int i = 0; i < 11; ++i) sum += w[i] = std::exp(-(i - 5) * (i - 5) / 4.5);
        const double c1 = 2.55 * 2.55, c2 = 7.65 * 7.65;
        double ssims = 0, contrasts = 0;
        for (int64_t y = 0; y + 11 <= height; ++y) {
            for (int64_t x = 0; x + 11 <= width; ++x) {
                double ma = 0, mb = 0, va = 0, vb = 0, cov = 0;
                const auto each = [&](auto&& f) {
                    for (int64_t j = 0; j < 11; ++j) {
                        for (int64_t i = 0; i < 11; ++i) {
                            const int64_t at = (y + j) * width + x + i;
                            f(w[j] * w[i] / (sum * sum), a[at], b[at]);
                        }
                    }
                };
                each([&](double weight, double p, double q) {
                    ma += weight * p;
                    mb += weight * q;
                });
                each([&](double weight, double p, double q) {
                    va += weight * (p - ma) * (p - ma);
                    vb += weight * (q - mb) * (q - mb);
                    cov += weight * (p - ma) * (q - mb);
                });
                const double contrast = (2 * cov + c2) / (va + vb + c2);
                contrasts += contrast;
                ssims += contrast * (2 * ma * mb + c1) / (ma * ma + mb * mb + c1);
            }
        }
        const double places = double((width - 10) * (height - 10));
        return {ssims / places, contrasts / places};
    }

    Reference half() const {
        Reference h{{}, {}, width / 2, height / 2};
        for (const auto& [from, to] : {std::pair(&a, &h.a), {&b, &h.b}}) {
            for (int64_t y = 0; y < h.height; ++y) {
                for (int64_t x = 0; x < h.width; ++x) {
                    const double* const p = from->data() + 2 * y * width + 2 * x;
                    to->push_back((p[0] + p[1] + p[width] + p[width + 1]) / 4);
                }
            }
        }
        return h;
    }
};

double reference_ms_ssim(Reference pair) {
    const double weights[] = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
    std::vector<double> terms;
    double last = 0, sum = 0, product = 1;
    for (; terms.size() < 5 && std::min(pair.width, pair.height) >= 11; pair = pair.half()) {
        const auto [ssim, contrast] = pair.ssim();
        terms.push_back(contrast);
        last = ssim;
    }
    terms.back() = last;
    for (size_t i = 0; i < terms.size(); ++i) sum += weights[i];
    for (size_t i = 0; i < terms.size(); ++i) product *= std::pow(std::max(terms[i], 0.0), weights[i] / sum);
    return product;
}

Reference pair_of(const Frame& a, const Frame& b) {
    return {{a.luma.begin(), a.luma.end()}, {b.luma.begin(), b.luma.end()}, a.width(), a.height()};
}

std::vector<Value> measured(const std::vector<Frame>& film, const std::vector<Frame>& reference) {
    const auto meter =
        fidelity_meter({film[0].width(), film[0].height(), static_cast<int64_t>(film.size()), /*fps=*/16});
    for (size_t i = 0; i < film.size(); ++i) meter->take(film[i], &reference[i]);
    return meter->values();
}

TEST(Fidelity, EqualFilmsHaveTheBestValues) {
    const std::vector<Frame> film = {scene(211, 181), random_frame(211, 181, 3), flat(211, 181, 77)};
    const std::vector<Value> values = measured(film, film);
    ASSERT_EQ(values.size(), 3u);
    const double best[] = {100, 1, 1};
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(values[i].metric, &fidelity_metrics()[i]);
        EXPECT_EQ(values[i].value, best[i]);
        EXPECT_EQ(values[i].parts, std::vector<double>(3, best[i]));
        EXPECT_EQ(values[i].note, "");
    }
}

TEST(Fidelity, PsnrIsOfTheErrorOverTheWholeFilm) {
    const int64_t width = 13, height = 11;
    std::vector<Frame> film, reference;
    double all = 0;
    std::vector<double> parts;
    for (uint32_t i = 0; i < 3; ++i) {
        reference.push_back(random_frame(width, height, i));
        film.push_back(i == 0 ? reference[0] : with_noise(reference[i], 10.0 * i, 10 + i));
        double squares = 0;
        for (size_t k = 0; k < film[i].image.rgb.size(); ++k)
            squares += std::pow(double(film[i].image.rgb[k]) - double(reference[i].image.rgb[k]), 2);
        all += squares;
        parts.push_back(i == 0 ? 100 : 10 * std::log10(255 * 255 / (squares / double(width * height * 3))));
    }
    const Value psnr = measured(film, reference)[0];
    EXPECT_NEAR(psnr.value, 10 * std::log10(255 * 255 / (all / double(width * height * 9))), 1e-12);
    ASSERT_EQ(psnr.parts.size(), 3u);
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(psnr.parts[i], parts[i], 1e-12) << i;
}

TEST(Fidelity, PsnrOfAFrameWhoseErrorsSumBeyond32Bits) {
    EXPECT_EQ(measured({flat(300, 300, 0)}, {flat(300, 300, 255)})[0].value, 0);
}

// Sizes that fill tiles and such that do not, with room for one to five scales.
TEST(Fidelity, SsimFollowsThePapersInDoublePrecision) {
    const auto expect_near = [](const Frame& a, const Frame& b, const char* what) {
        const std::vector<Value> values = measured({a}, {b});
        const Reference pair = pair_of(a, b);
        const double ssim = pair.ssim().first, ms_ssim = reference_ms_ssim(pair);
        EXPECT_NEAR(values[1].value, ssim, 1e-5 * std::abs(ssim)) << what << ' ' << a.width();
        EXPECT_NEAR(values[2].value, ms_ssim, 1e-5 * ms_ssim) << what << ' ' << a.width();
    };
    for (const auto& [width, height] : {std::pair<int64_t, int64_t>(11, 11), {12, 43}, {139, 42}, {187, 177}}) {
        const Frame a = scene(width, height);
        expect_near(a, with_noise(a, 4, 1), "light noise");
        expect_near(a, with_noise(a, 60, 2), "strong noise");
        expect_near(a, random_frame(width, height, 3), "another");
        expect_near(a, flat(width, height, 200), "flat");
        expect_near(flat(width, height, 255), flat(width, height, 0), "white and black");
        expect_near(flat(width, height, 3), flat(width, height, 1), "dark");
        expect_near(with_noise(flat(width, height, 250), 1, 4), with_noise(flat(width, height, 240), 1, 5), "bright");
    }
}

// Variances of half a level in a frame of 250 are lost where floats square it as it is.
TEST(Fidelity, SmallDifferencesInBrightFramesCount) {
    const Frame a = flat(150, 60, 250),
                b = frame_of(150, 60, [](int64_t x, int64_t y, int) { return (x + y) % 2 ? 250 : 251; });
    const double expected = 1 - pair_of(a, b).ssim().first;
    EXPECT_GT(expected, 1e-4);
    EXPECT_NEAR(1 - measured({a}, {b})[1].value, expected, 1e-3 * expected);
}

TEST(Fidelity, ValuesAreMeansOverFrames) {
    const Frame a = scene(64, 50);
    const std::vector<Frame> film = {with_noise(a, 3, 1), a, with_noise(a, 30, 2)};
    const std::vector<Value> values = measured(film, {a, a, a});
    for (const size_t metric : {1, 2}) {
        ASSERT_EQ(values[metric].parts.size(), 3u);
        double sum = 0;
        for (size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(values[metric].parts[i], measured({film[i]}, {a})[metric].value);
            sum += values[metric].parts[i];
        }
        EXPECT_NEAR(values[metric].value, sum / 3, 1e-15);
    }
}

TEST(Fidelity, MoreNoiseAndMoreBlurAreWorse) {
    const Frame a = scene(200, 180);
    const auto blurred = [&](int64_t radius) {
        return frame_of(a.width(), a.height(), [&](int64_t x, int64_t y, int c) {
            double sum = 0, count = 0;
            for (int64_t i = std::max<int64_t>(0, x - radius); i <= std::min(a.width() - 1, x + radius); ++i, ++count)
                sum += a.image.pixel(i, y)[c];
            return sum / count;
        });
    };
    const auto expect_falling = [&](const std::function<Frame(double)>& damaged) {
        std::vector<Value> before = measured({a}, {a});
        for (const double strength : {1, 2, 3, 4}) {
            const std::vector<Value> now = measured({damaged(strength)}, {a});
            for (size_t i = 0; i < 3; ++i)
                EXPECT_LT(now[i].value, before[i].value) << now[i].metric->name << ' ' << strength;
            before = now;
        }
    };
    expect_falling([&](double strength) { return with_noise(a, std::pow(3, strength), 7); });
    expect_falling([&](double strength) { return blurred(static_cast<int64_t>(strength)); });
}

// Where contrast is turned over the terms are below zero: SSIM says so, and MS-SSIM has no root of them.
TEST(Fidelity, ANegativeHasTheWorstValue) {
    const Frame a = frame_of(190, 190, [](int64_t x, int64_t y, int) {
        return 127.5 + 60 * std::sin(0.02 * double(x) * double(y)) + (x * 7 + y * 13) % 50;
    });
    const Frame b = frame_of(190, 190, [&](int64_t x, int64_t y, int c) { return 255 - a.image.pixel(x, y)[c]; });
    const std::vector<Value> values = measured({a}, {b});
    EXPECT_LT(values[1].value, -0.5);
    EXPECT_EQ(values[2].value, 0);
}

TEST(Fidelity, SmallFramesHaveFewerScalesAndTinyOnesNone) {
    const Frame a = scene(175, 400), b = with_noise(a, 5, 1);
    EXPECT_EQ(measured({a}, {b})[2].note, "4 of 5 scales, as a frame of 175x400 has room for");
    EXPECT_EQ(measured({scene(176, 400)}, {scene(176, 400)})[2].note, "");
    EXPECT_EQ(measured({scene(21, 11)}, {scene(21, 11)})[2].note, "1 of 5 scales, as a frame of 21x11 has room for");

    const std::vector<Value> tiny = measured({scene(300, 10)}, {flat(300, 10, 0)});
    EXPECT_GT(tiny[0].value, 0);
    for (const size_t i : {1, 2}) {
        EXPECT_TRUE(std::isnan(tiny[i].value));
        EXPECT_EQ(tiny[i].note, "a frame of 300x10 has no room for the window of 11x11 pixels");
        EXPECT_TRUE(tiny[i].parts.empty());
    }
}

TEST(Fidelity, AFilmWithoutFramesHasNoValues) {
    const std::vector<Value> values = fidelity_meter({20, 20, 0, 0})->values();
    ASSERT_EQ(values.size(), 3u);
    for (const Value& value : values) {
        EXPECT_TRUE(std::isnan(value.value));
        EXPECT_EQ(value.note, "the film has no frame");
    }
}

TEST(Fidelity, OtherSizesAndNoReferenceAreRefused) {
    const auto meter = fidelity_meter({20, 20, 1, 0});
    const Frame a = flat(20, 20, 0), b = flat(20, 21, 0);
    EXPECT_THROW(meter->take(a, nullptr), Error);
    EXPECT_THROW(meter->take(a, &b), Error);
    EXPECT_THROW(meter->take(b, &b), Error);
}

}  // namespace
}  // namespace t3video::evaluation
