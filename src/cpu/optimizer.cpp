// Optimisers on the CPU. Bound by memory: every operand is read once, results are written once.
#include "cpu/optimizer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <vector>

#include "core/dynamic_code.h"
#include "cpu/convert.h"

namespace t3video::cpu {
namespace {

constexpr int64_t kBlock = ops::kMomentBlock;
constexpr int64_t kPiece = 64 * kBlock;  // elements that a thread takes at a time

// Elements [first, first + count) of a moment as floats, and back. `first` begins a block.
struct Moment {
    ops::AdamMoment& stored;
    const DynamicCode& code;

    void read(int64_t first, int64_t count, float* values) const {
        if (!stored.in_8_bits()) {
            std::copy_n(stored.values.data<float>() + first, count, values);
            return;
        }
        const uint8_t* codes = stored.values.data<uint8_t>() + first;
        const float scale = stored.scales.data<float>()[first / kBlock];
        for (int64_t i = 0; i < count; ++i) values[i] = scale * code.value[codes[i]];
    }
    void write(int64_t first, int64_t count, const float* values) {
        if (!stored.in_8_bits()) {
            std::copy_n(values, count, stored.values.data<float>() + first);
            return;
        }
        float largest = 0;
        for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
        uint8_t* codes = stored.values.data<uint8_t>() + first;
        stored.scales.data<float>()[first / kBlock] = largest;
        for (int64_t i = 0; i < count; ++i)
            codes[i] = nearest_code(code.above, largest > 0 ? values[i] / largest : 0.0f);
    }
};

}  // namespace

double sum_of_squares(Context& ctx, std::span<const Tensor> tensors) {
    double sum = 0;
    for (const Tensor& x : tensors) {
        const float* px = x.data<float>();
        const int64_t pieces = (x.numel() + kPiece - 1) / kPiece;
        std::vector<double> sums(static_cast<size_t>(pieces));  // so that the bits do not depend on threads
        ctx.parallel_for(pieces, 1, [&](int64_t first, int64_t last) {
            for (int64_t p = first; p < last; ++p) {
                double squares = 0;
                for (int64_t i = p * kPiece; i < std::min((p + 1) * kPiece, x.numel()); ++i)
                    squares += static_cast<double>(px[i]) * px[i];
                sums[static_cast<size_t>(p)] = squares;
            }
        });
        sum = std::accumulate(sums.begin(), sums.end(), sum);
    }
    return sum;
}

void adamw(Context& ctx, const ops::AdamStep& step, const Tensor& gradient, Tensor& w, ops::AdamMoment& m,
           ops::AdamMoment& v, Tensor* rounded) {
    const int64_t n = w.numel();
    const float* pg = gradient.data<float>();
    float* pw = w.data<float>();
    Moment first_moment{m, kSignedCode}, second_moment{v, kUnsignedCode};
    ctx.parallel_for((n + kBlock - 1) / kBlock, 64, [&](int64_t begin, int64_t end) {
        std::array<float, kBlock> mean, square;
        for (int64_t block = begin; block < end; ++block) {
            const int64_t first = block * kBlock, count = std::min(kBlock, n - first);
            first_moment.read(first, count, mean.data());
            second_moment.read(first, count, square.data());
            for (int64_t i = 0; i < count; ++i) {
                const auto at = static_cast<size_t>(i);
                const float g = step.factor * pg[first + i];
                mean[at] = step.beta1 * mean[at] + (1 - step.beta1) * g;
                square[at] = step.beta2 * square[at] + (1 - step.beta2) * g * g;
                const float denominator = std::sqrt(square[at] / step.correction2) + step.eps;
                float& weight = pw[first + i];
                // Not weight * (1 - rate * decay), which would be rounded to 6e-8.
                weight -= step.rate * (step.decay * weight + mean[at] / step.correction1 / denominator);
            }
            first_moment.write(first, count, mean.data());
            second_moment.write(first, count, square.data());
        }
    });
    if (rounded) convert(ctx, w, *rounded);
}

}  // namespace t3video::cpu
