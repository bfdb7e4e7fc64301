// Moving data on the CPU: rows, axes, patches. Bound by memory.
#include "cpu/layout.h"

#include <algorithm>

#include "cpu/row_index.h"

namespace t3video::cpu {

void gather_rows(Context& ctx, const Stored& table, std::span<const int64_t> ids, Tensor& y) {
    const int64_t width = table.dim(1);
    float* py = y.data<float>();
    if (table.encoding()) {
        ctx.parallel_for(y.dim(0), 16, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i)
                table.encoding()->decode(ids[static_cast<size_t>(i)] * width, width, py + i * width);
        });
        return;
    }
    visit_float(table.numbers().dtype(), [&]<class T>() {
        const T* rows = table.numbers().data<T>();
        ctx.parallel_for(y.dim(0), 16, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
                const T* row = rows + ids[static_cast<size_t>(i)] * width;
                std::transform(row, row + width, py + i * width, [](T value) { return static_cast<float>(value); });
            }
        });
    });
}

void transpose(Context& ctx, const Tensor& x, Tensor& y) {
    constexpr int64_t kTile = 16;  // floats: one cache line each way
    const int64_t rows = x.dim(0), cols = x.dim(1);
    const float* px = x.data<float>();
    float* py = y.data<float>();
    const int64_t row_tiles = (rows + kTile - 1) / kTile;
    ctx.parallel_for(row_tiles, 4, [&](int64_t first, int64_t last) {
        for (int64_t c0 = 0; c0 < cols; c0 += kTile) {
            for (int64_t tile = first; tile < last; ++tile) {
                const int64_t r0 = tile * kTile;
                for (int64_t c = c0; c < std::min(c0 + kTile, cols); ++c) {
                    for (int64_t r = r0; r < std::min(r0 + kTile, rows); ++r) py[c * rows + r] = px[r * cols + c];
                }
            }
        }
    });
}

void columns(Context& ctx, const Tensor& x, int64_t begin, Tensor& y) {
    const int64_t from = x.dim(1), width = y.dim(1);
    const float* px = x.data<float>() + begin;
    float* py = y.data<float>();
    ctx.parallel_for(y.dim(0), (1 << 14) / (width + 1) + 1, [&](int64_t first, int64_t last) {
        for (int64_t row = first; row < last; ++row) {
            std::copy_n(px + row * from, width, py + row * width);
        }
    });
}

void patchify(Context& ctx, const Tensor& x, Tensor& y) {
    const int64_t channels = x.dim(0), frames = x.dim(1), height = x.dim(2), width = x.dim(3);
    const float* px = x.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(frames * (height / 2), 1, [&](int64_t first, int64_t last) {
        for (int64_t line = first; line < last; ++line) {
            const int64_t t = line / (height / 2), h = line % (height / 2);
            for (int64_t w = 0; w < width / 2; ++w) {
                for (int64_t c = 0; c < channels; ++c) {
                    const float* corner = px + ((c * frames + t) * height + 2 * h) * width + 2 * w;
                    float* patch = py + ((line * (width / 2) + w) * channels + c) * 4;
                    patch[0] = corner[0];
                    patch[1] = corner[1];
                    patch[2] = corner[width];
                    patch[3] = corner[width + 1];
                }
            }
        }
    });
}

namespace {

// For every pixel of a latent [C, T, H, W]: f(where its channels begin in the head's rows, where it is in each
// channel).
template <class F>
void for_each_pixel(Context& ctx, const Shape& latent, F&& f) {
    const int64_t channels = latent[0], frames = latent[1], height = latent[2], width = latent[3];
    ctx.parallel_for(frames * height, 1, [&](int64_t first, int64_t last) {
        for (int64_t line = first; line < last; ++line) {
            const int64_t t = line / height, row = line % height;
            for (int64_t column = 0; column < width; ++column) {
                const int64_t token = (t * (height / 2) + row / 2) * (width / 2) + column / 2;
                f((token * 4 + row % 2 * 2 + column % 2) * channels, line * width + column);
            }
        }
    });
}

}  // namespace

void unpatchify(Context& ctx, const Tensor& x, Tensor& y) {
    const int64_t channels = y.dim(0), volume = y.numel() / channels;
    const float* px = x.data<float>();
    float* py = y.data<float>();
    for_each_pixel(ctx, y.shape(), [&](int64_t values, int64_t pixel) {
        for (int64_t c = 0; c < channels; ++c) py[c * volume + pixel] = px[values + c];
    });
}

void unpatchify_backward(Context& ctx, const Tensor& dy, Tensor& dx) {
    const int64_t channels = dy.dim(0), volume = dy.numel() / channels;
    const float* py = dy.data<float>();
    float* px = dx.data<float>();
    for_each_pixel(ctx, dy.shape(), [&](int64_t values, int64_t pixel) {
        for (int64_t c = 0; c < channels; ++c) px[values + c] = py[c * volume + pixel];
    });
}

void take_rows(Context& ctx, const ops::Rows& x, Tensor& y) {
    const int64_t width = y.dim(1);
    const Index indices(x.indices);
    float* py = y.data<float>();
    const auto copy = [&](const auto* px) {
        ctx.parallel_for(y.dim(0), (1 << 14) / (width + 1) + 1, [&](int64_t first, int64_t last) {
            for (int64_t i = first; i < last; ++i) {
                const auto* from = px + indices[i] * width;
                for (int64_t c = 0; c < width; ++c) py[i * width + c] = static_cast<float>(from[c]);
            }
        });
    };
    visit_float(x.data.dtype(), [&]<class T>() { copy(x.data.data<T>()); });
}

}  // namespace t3video::cpu
