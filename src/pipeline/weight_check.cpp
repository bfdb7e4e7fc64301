// Looks at values in pieces, as f32.
#include "pipeline/weight_check.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include "core/parallel.h"

namespace t3video::pipeline {

bool is_finite(const Tensor& x, int threads) {
    const auto all_finite = [](const Tensor& piece) {
        const Tensor values = decoded(piece);
        return std::ranges::all_of(values.span<float>(), [](float value) { return std::isfinite(value); });
    };
    if (x.numel() == 0) return true;
    if (x.dtype() == DType::encoded) return all_finite(x);
    const Tensor flat = x.reshape({x.numel()});
    constexpr int64_t kPiece = 1 << 18;  // values; keeps the f32 copy of a 16-bit piece in cache
    std::atomic<bool> finite{true};
    parallel_for(threads, 0, (x.numel() + kPiece - 1) / kPiece, 1, [&](int64_t first, int64_t last) {
        for (int64_t i = first; i < last && finite; ++i) {
            if (!all_finite(flat.slice(i * kPiece, std::min(x.numel(), (i + 1) * kPiece)))) finite = false;
        }
    });
    return finite;
}

}  // namespace t3video::pipeline
