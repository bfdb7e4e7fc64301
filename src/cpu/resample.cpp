// Resampling of channels-last videos on the CPU: rows of pixels in parallel. Bound by memory.
#include "cpu/resample.h"

#include <algorithm>
#include <vector>

namespace t3video::cpu {
namespace {

// Calls f(small pixel [4C], upper row, lower row): the two rows of the large frame hold 2C floats from that pixel on.
template <class Small, class Large, class F>
void for_each_cell(Context& ctx, Small* small, const Shape& small_shape, Large* large, F&& f) {
    const int64_t width = small_shape[2], channels = small_shape[3] / 4;
    ctx.parallel_for(small_shape[0] * small_shape[1], 1, [&](int64_t first, int64_t last) {
        for (int64_t line = first; line < last; ++line) {
            for (int64_t x = 0; x < width; ++x) {
                Large* upper = large + (2 * line * 2 * width + 2 * x) * channels;
                f(small + (line * width + x) * channels * 4, upper, upper + 2 * width * channels);
            }
        }
    });
}

// y[o] = main[o] + mean of the o-th group among the values cell[i][c], ordered (c, i).
void add_group_means(const std::vector<const float*>& cell, int64_t channels, int64_t group, const float* main,
                     float* y) {
    int64_t in_group = 0, o = 0;
    float sum = 0.0f;
    for (int64_t c = 0; c < channels; ++c) {
        for (const float* pixel : cell) {
            if (pixel) sum += pixel[c];
            if (++in_group < group) continue;
            y[o] = main[o] + sum / static_cast<float>(group);
            ++o;
            in_group = 0;
            sum = 0.0f;
        }
    }
}

}  // namespace

void fold_pixels(Context& ctx, const Tensor& x, Tensor& y) {
    const int64_t channels = x.dim(3);
    for_each_cell(ctx, y.data<float>(), y.shape(), x.data<float>(),
                  [=](float* cell, const float* upper, const float* lower) {
                      for (int64_t c = 0; c < channels; ++c, cell += 4) {
                          cell[0] = upper[c];
                          cell[1] = lower[c];
                          cell[2] = upper[channels + c];
                          cell[3] = lower[channels + c];
                      }
                  });
}

void unfold_pixels(Context& ctx, const Tensor& x, Tensor& y) {
    const int64_t channels = y.dim(3);
    for_each_cell(ctx, x.data<float>(), x.shape(), y.data<float>(), [=](const float* cell, float* upper, float* lower) {
        for (int64_t c = 0; c < channels; ++c, cell += 4) {
            upper[c] = cell[0];
            lower[c] = cell[1];
            upper[channels + c] = cell[2];
            lower[channels + c] = cell[3];
        }
    });
}

void channels_to_time(Context& ctx, const Tensor& x, Tensor& y) {
    const int64_t channels = y.dim(3), factor = x.dim(3) / channels, pixels = x.dim(1) * x.dim(2);
    const float* px = x.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.dim(0) * x.dim(1), 1, [&](int64_t first, int64_t last) {
        for (int64_t line = first; line < last; ++line) {
            const int64_t frame = line / x.dim(1), t = frame / factor, a = frame % factor;
            const int64_t pixel = line % x.dim(1) * x.dim(2);
            const float* from = px + ((t * pixels + pixel) * factor + a) * channels;
            float* to = py + (frame * pixels + pixel) * channels;
            for (int64_t w = 0; w < x.dim(2); ++w)
                std::copy_n(from + w * factor * channels, channels, to + w * channels);
        }
    });
}

void add_average_down(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs, Tensor& y) {
    const int64_t height = y.dim(1), width = y.dim(2), co = y.dim(3), ci = x.dim(3);
    const int64_t missing = y.dim(0) * ft - x.dim(0);  // zero frames in front
    const int64_t group = ci * ft * fs * fs / co;
    const float* px = x.data<float>();
    const float* pm = main.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.dim(0) * height, 1, [&](int64_t first, int64_t last) {
        std::vector<const float*> cell;  // the pixels of a cell in the order of its channels; null in a frame of zeros
        for (int64_t line = first; line < last; ++line) {
            for (int64_t w = 0; w < width; ++w) {
                cell.clear();
                for (int64_t i = 0; i < ft * fs * fs; ++i) {
                    const int64_t frame = line / height * ft + i / (fs * fs) - missing;
                    const int64_t row = line % height * fs + i / fs % fs, column = w * fs + i % fs;
                    cell.push_back(frame < 0 ? nullptr : px + ((frame * x.dim(1) + row) * x.dim(2) + column) * ci);
                }
                const int64_t out = (line * width + w) * co;
                add_group_means(cell, ci, group, pm + out, py + out);
            }
        }
    });
}

void add_duplicate_up(Context& ctx, const Tensor& main, const Tensor& x, int64_t ft, int64_t fs, int64_t first_row,
                      Tensor& y) {
    const int64_t height = y.dim(1), width = y.dim(2), co = y.dim(3), ci = x.dim(3);
    const int64_t dropped = x.dim(0) * ft - y.dim(0);  // frames in front that main lacks
    const int64_t cells = ft * fs * fs, repeats = co * cells / ci;
    std::vector<int64_t> source;  // [cell][out channel] -> in channel
    for (int64_t cell = 0; cell < cells; ++cell) {
        for (int64_t o = 0; o < co; ++o) source.push_back((o * cells + cell) / repeats);
    }
    const float* px = x.data<float>();
    const float* pm = main.data<float>();
    float* py = y.data<float>();
    ctx.parallel_for(y.dim(0) * height, 1, [&](int64_t first, int64_t last) {
        for (int64_t line = first; line < last; ++line) {
            const int64_t frame = line / height + dropped, h = line % height + first_row;
            const float* from = px + ((frame / ft) * x.dim(1) + h / fs) * x.dim(2) * ci;
            for (int64_t w = 0; w < width; ++w) {
                const float* pixel = from + w / fs * ci;
                const int64_t cell = (frame % ft * fs + h % fs) * fs + w % fs;
                const int64_t* channel = source.data() + cell * co;
                const int64_t out = (line * width + w) * co;
                for (int64_t o = 0; o < co; ++o) py[out + o] = pm[out + o] + pixel[channel[o]];
            }
        }
    });
}

}  // namespace t3video::cpu
