// Rotary position embedding: y[2j] = x[2j] cos - x[2j+1] sin, y[2j+1] = x[2j] sin + x[2j+1] cos. Bound by memory. A
// token's angles are laid out once, as lanes, and serve all its heads. The gradient turns back: dx = R^T dy, R(-angle).
#include "cpu/rope.h"

#include <vector>

#include "cpu/row_index.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/rope.cpp"
#include <hwy/foreach_target.h>
#include "cpu/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace t3video::cpu::HWY_NAMESPACE {

// cosines: (c0, c0, c1, c1, ...); sines: (-s0, s0, -s1, s1, ...). Vectors hold an even number of lanes.
void RotateHeads(const float* x, const float* cosines, const float* sines, int64_t heads, int64_t width, float* y) {
    const Floats d;
    for (int64_t head = 0; head < heads; ++head) {
        const float* xh = x + head * width;
        float* yh = y + head * width;
        ForEachVector(width, [&](auto load, auto store) HWY_ATTR {
            const auto v = load(xh);
            store(hn::MulAdd(v, load(cosines), hn::Mul(hn::Reverse2(d, v), load(sines))), yh);
        });
    }
}

}  // namespace t3video::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace t3video::cpu {
namespace {

HWY_EXPORT(RotateHeads);

// Appends the angles of one axis at one position, in the direction of +1 or -1, to the token's lanes.
void spread(const Tensor& cosine, const Tensor& sine, int64_t position, float direction, std::vector<float>& cosines,
            std::vector<float>& sines) {
    const int64_t pairs = cosine.dim(1);
    const float* c = cosine.data<float>() + position * pairs;
    const float* s = sine.data<float>() + position * pairs;
    for (int64_t j = 0; j < pairs; ++j) {
        cosines.insert(cosines.end(), {c[j], c[j]});
        sines.insert(sines.end(), {-direction * s[j], direction * s[j]});
    }
}

void rotate(Context& ctx, const Tensor& x, const ops::RopeTable& table, int64_t heads, const ops::Tokens& tokens,
            float direction, Tensor& y) {
    const int64_t width = x.dim(1) / heads;
    const Grid grid = table.grid;
    const float* px = x.data<float>();
    const Index token_of(tokens);
    float* py = y.data<float>();
    ctx.parallel_for(x.dim(0), (1 << 14) / x.dim(1) + 1, [&](int64_t first, int64_t last) {
        std::vector<float> cosines, sines;
        for (int64_t i = first; i < last; ++i) {
            const int64_t token = token_of[i], row = i * heads * width;
            cosines.clear();
            sines.clear();
            spread(table.cos_t, table.sin_t, token / (grid.h * grid.w) % grid.t, direction, cosines, sines);
            spread(table.cos_h, table.sin_h, token / grid.w % grid.h, direction, cosines, sines);
            spread(table.cos_w, table.sin_w, token % grid.w, direction, cosines, sines);
            HWY_DYNAMIC_DISPATCH(RotateHeads)(px + row, cosines.data(), sines.data(), heads, width, py + row);
        }
    });
}

}  // namespace

void rope(Context& ctx, const Tensor& x, const ops::RopeTable& table, int64_t heads, const ops::Tokens& tokens,
          Tensor& y) {
    rotate(ctx, x, table, heads, tokens, 1.0f, y);
}

void rope_backward(Context& ctx, const Tensor& dy, const ops::RopeTable& table, int64_t heads,
                   const ops::Tokens& tokens, Tensor& dx) {
    rotate(ctx, dy, table, heads, tokens, -1.0f, dx);
}

}  // namespace t3video::cpu
#endif
