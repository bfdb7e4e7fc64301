// The fit, and pictures by it.
#include "session/preview.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/random.h"
#include "ops/quantize.h"

namespace t3video::session {
namespace {

constexpr int64_t kSide = 16, kPatch = 4, kDraws = 6;  // 6 * 16 * 16 equations for 17 or 49 unknowns per colour

// Solves A x = b for 3 right sides in place, A [n, n] symmetric and positive definite, b [n, 3].
void solve(std::vector<double>& a, std::vector<double>& b, int64_t n) {
    const auto at = [&](int64_t i, int64_t j) -> double& { return a[static_cast<size_t>(i * n + j)]; };
    const auto right = [&](int64_t i, int64_t c) -> double& { return b[static_cast<size_t>(i * 3 + c)]; };
    for (int64_t k = 0; k < n; ++k) {
        for (int64_t i = 0; i < n; ++i) {
            if (i == k) continue;
            const double factor = at(i, k) / at(k, k);
            for (int64_t j = k; j < n; ++j) at(i, j) -= factor * at(k, j);
            for (int64_t c = 0; c < 3; ++c) right(i, c) -= factor * right(k, c);
        }
    }
    for (int64_t k = 0; k < n; ++k) {
        for (int64_t c = 0; c < 3; ++c) right(k, c) /= at(k, k);
    }
}

// Normals that are the same over patches: decoders mix neighbours, and films are smooth. -> [channels, 1, side, side]
Tensor smooth_noise(int64_t channels, uint64_t seed) {
    constexpr int64_t kPatches = kSide / kPatch;
    std::vector<float> values(static_cast<size_t>(channels * kPatches * kPatches));
    fill_normal_cpu(values, seed);
    Tensor noise = empty_on_host({channels, 1, kSide, kSide});
    float* out = noise.data<float>();
    for (int64_t i = 0; i < noise.numel(); ++i) {
        const int64_t x = i % kSide / kPatch, y = i / kSide % kSide / kPatch, c = i / (kSide * kSide);
        out[i] = values[static_cast<size_t>((c * kPatches + y) * kPatches + x)];
    }
    return noise;
}

// Frame T/2 of [channels, T, rows, columns], in host memory.
Tensor middle_frame(Context& ctx, const Tensor& x) {
    const int64_t channels = x.dim(0), frames = x.dim(1), pixels = x.dim(2) * x.dim(3);
    const Tensor rows = x.reshape({channels * frames, pixels});
    Tensor frame = empty_on_host({channels, x.dim(2), x.dim(3)});
    for (int64_t c = 0; c < channels; ++c) {
        const Tensor row = to_host(ctx, rows.slice(c * frames + frames / 2, c * frames + frames / 2 + 1));
        std::ranges::copy(row.span<float>(), frame.data<float>() + c * pixels);
    }
    return frame;
}

}  // namespace

LatentColours::LatentColours(Context& ctx, const models::WanVae& vae) {
    const int64_t z = vae.config().z, n = z + 1, cell = vae.config().stride_hw(), pixels = kSide * kSide;
    std::vector<double> normal(static_cast<size_t>(n * n), 0.0);
    map_.assign(static_cast<size_t>(n * 3), 0.0);
    for (int64_t draw = 0; draw < kDraws; ++draw) {
        const Tensor latent = smooth_noise(z, static_cast<uint64_t>(draw));
        std::vector<double> colours(static_cast<size_t>(pixels * 3), 0.0);  // mean over a latent pixel's cell
        vae.decode(ctx, to_device(ctx, latent), [&](const Tensor& frames, int64_t, int64_t first_row) {
            const Tensor rows = decoded(to_host(ctx, frames));
            const int64_t width = rows.dim(2);
            for (int64_t i = 0; i < rows.dim(1) * width; ++i) {
                const int64_t site = (first_row + i / width) / cell * kSide + i % width / cell;
                for (int64_t c = 0; c < 3; ++c)
                    colours[static_cast<size_t>(site * 3 + c)] +=
                        double(rows.data<float>()[i * 3 + c]) / double(cell * cell);
            }
        });
        for (int64_t site = 0; site < pixels; ++site) {
            const auto value = [&](int64_t c) {
                return c == z ? 1.0 : double(latent.data<float>()[c * pixels + site]);
            };
            for (int64_t i = 0; i < n; ++i) {
                for (int64_t j = 0; j < n; ++j) normal[static_cast<size_t>(i * n + j)] += value(i) * value(j);
                for (int64_t c = 0; c < 3; ++c)
                    map_[static_cast<size_t>(i * 3 + c)] += value(i) * colours[static_cast<size_t>(site * 3 + c)];
            }
        }
    }
    // A trace of ridge: with few patches, channels are almost dependent.
    for (int64_t i = 0; i < n; ++i) normal[static_cast<size_t>(i * n + i)] += 1e-2 * double(pixels * kDraws);
    solve(normal, map_, n);
}

media::Image LatentColours::picture(const Tensor& frame) const {
    const int64_t z = frame.dim(0), pixels = frame.dim(1) * frame.dim(2);
    require(static_cast<int64_t>(map_.size()) == (z + 1) * 3, "colours of ", map_.size() / 3 - 1, " channels for ", z);
    media::Image image(frame.dim(2), frame.dim(1));
    const float* x = frame.data<float>();
    for (int64_t i = 0; i < pixels * 3; ++i) {
        double value = map_[static_cast<size_t>(z * 3 + i % 3)];
        for (int64_t c = 0; c < z; ++c)
            value += map_[static_cast<size_t>(c * 3 + i % 3)] * double(x[c * pixels + i / 3]);
        const double level = std::isfinite(value) ? std::clamp((value + 1) * 127.5 + 0.5, 0.0, 255.0) : 0.0;
        image.rgb[static_cast<size_t>(i)] = static_cast<uint8_t>(level);
    }
    return image;
}

media::Image decoded_picture(Context& ctx, const models::SmallVae& decoder, const Tensor& frame, int64_t band_rows) {
    const int64_t cell = decoder.config().cell(), z = frame.dim(0), rows = frame.dim(1), columns = frame.dim(2);
    media::Image image(columns * cell, rows * cell);
    decoder.decode(ctx, to_device(ctx, frame.reshape({z, 1, rows, columns})),
                   [&](const Tensor& band, int64_t, int64_t first_row) {
                       const Tensor codes = to_host(ctx, ops::quantize_u8(ctx, band));
                       std::ranges::copy(codes.span<uint8_t>(), image.rgb.begin() + first_row * image.width * 3);
                   },
                   {.band_rows = band_rows});
    return image;
}

Preview::Preview(LatentPainter painter, sampling::Schedule schedule, int64_t every)
    : painter_(std::move(painter)), schedule_(std::move(schedule)), every_(every) {
    require(every > 0, "preview every ", every, " steps");
}

bool Preview::due(int64_t step) const {
    return step > 0 && (step % every_ == 0 || step == schedule_.steps());
}

std::optional<media::Image> Preview::see(Context& ctx, const sampling::SampleState& state) {
    const bool shown = due(state.step) && earlier_step_ == state.step - 1, next = due(state.step + 1);
    if (!shown && !next) return std::nullopt;
    Tensor frame = middle_frame(ctx, state.x);
    std::optional<media::Image> image;
    if (shown) {
        const double from = schedule_.sigmas[static_cast<size_t>(state.step - 1)],
                     to = schedule_.sigmas[static_cast<size_t>(state.step)];
        Tensor clean = empty_on_host(frame.shape());
        const float *x = frame.data<float>(), *before = earlier_.data<float>();
        for (int64_t i = 0; i < clean.numel(); ++i)
            clean.data<float>()[i] = static_cast<float>((from * double(x[i]) - to * double(before[i])) / (from - to));
        image = painter_(clean);
    }
    earlier_ = std::move(frame);
    earlier_step_ = state.step;
    return image;
}

}  // namespace t3video::session
