// Arguments that the op layer and the backends share.
#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::ops {

enum class Activation { none, silu, gelu_tanh };

// A summand: coefficient * x.
struct Term {
    double coefficient;
    const Tensor& x;
};
constexpr size_t kMostTerms = 4;  // of one sum

// A tensor of more than f32's 24 bits: the value is high + low, where high is that value rounded to f32.
struct Split {
    Tensor high, low;  // f32
};

struct Conv3dOptions {
    int64_t stride_t = 1, stride_h = 1, stride_w = 1;
    // Zero rows and columns around each frame.
    int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
    // Zero frames before the first: fewer than the kernel's frames. Frames of the past are passed as parts in front.
    int64_t pad_front = 0;
    // The result is max(0, sums + residual), or either of both alone. The residual has the result's type and shape; or
    // the first rows of the result are added `residual_above`, [T', rows, W', Co], and the others the first rows of
    // `residual`, whose frames may have more.
    bool relu = false;
    const Tensor *residual = nullptr, *residual_above = nullptr;
};

// What becomes of a convolution's sums: bias and residual are added, both may be null, and negative ones become zero
// where relu is set. The residual is the result's tensor itself, or apart from it.
struct ConvEnd {
    const Tensor* bias = nullptr;  // [co]
    // As in Conv3dOptions; only convolutions that read frames where they lie are given other than the result's shape.
    const Tensor *residual = nullptr, *residual_above = nullptr;
    bool relu = false;
};

// What the convolution does within one frame: extents, kernel, stride, zero rows and columns around it.
struct FrameConv {
    int64_t h, w, ci, co, kh, kw, stride_h = 1, stride_w = 1, top = 0, bottom = 0, left = 0, right = 0;

    int64_t out_h() const { return (h + top + bottom - kh) / stride_h + 1; }
    int64_t out_w() const { return (w + left + right - kw) / stride_w + 1; }
    friend auto operator<=>(const FrameConv&, const FrameConv&) = default;
};

// Zero rows above and below doubled pixels: 0 or 1.
struct UpsamplePadding {
    int64_t top = 1, bottom = 1;
};

// Which token of the stream each of some rows is.
struct Tokens {
    Tensor ids;         // [n] i64 where the context computes; undefined: row i is token first + i
    int64_t first = 0;  // with ids of several samples: row i is a token of the sample that token first + i is of
};

// Which of some sets of parameters, [S, C], a token takes. A stream holds samples one behind another, each of `period`
// tokens; each has a set or two, which lie one behind another as well.
struct TokenSets {
    // A number alone is the boundary within the only sample.
    TokenSets(int64_t boundary_ = 0, int64_t samples_ = 1, int64_t period_ = 0)
        : boundary(boundary_), samples(samples_), period(period_) {}

    int64_t boundary;  // a sample's tokens before this one take its first set, the others its last
    int64_t samples;
    int64_t period;  // of one sample it does not matter

    int64_t sample_of(int64_t token) const { return samples > 1 ? token / period : 0; }
    // The set of a token, of `all` of them.
    int64_t set_of(int64_t token, int64_t all) const {
        const int64_t sample = sample_of(token), each = all / samples;
        return sample * each + (token - sample * period < boundary ? 0 : each - 1);
    }
};

// Some rows of a matrix, such as a slice of the residual stream. Rotation and modulation follow a row's token, wherever
// it lies.
struct Rows {
    Tensor data;     // [N, C]
    Tensor indices;  // [n] i64, all different: which row of `data` row i is; undefined: row i, and n = N
    Tokens tokens;

    int64_t count() const { return indices.defined() ? indices.numel() : data.dim(0); }
};

// What a block adds to n rows of its stream: gate * h, or h without a gate.   h: [n, C]; gate: [S, C] f32, as TokenSets
// says.
struct Residual {
    const Tensor& h;
    const Tensor* gate = nullptr;
};

struct AttentionOptions {
    int64_t heads = 1;
    float scale = 1.0f;                     // multiplies q.k
    int64_t last_key_count = 1;             // the last key and value stand for so many equal ones
    const Tensor* relative_bias = nullptr;  // [heads, 2*n-1] f32, n = queries = keys: entry (j - i) + n - 1 is added
};

// What attention over windows takes: their tokens in all, those of the longest and of the shortest, and pairs of tokens
// that share one.
struct WindowSizes {
    int64_t tokens = 0, longest = 0, shortest = 0;
    double pairs = 0;
};

// A partition of N tokens into windows: window w holds tokens order[starts[w] .. starts[w+1]).
struct TokenWindows {
    std::vector<int64_t> order;   // a permutation of 0 .. N-1
    std::vector<int64_t> starts;  // windows + 1 entries, 0 first, N last
    WindowSizes counted;          // instead of both lists, where nothing is computed
    // As ops::upload_windows leaves it:
    Tensor device_order;    // `order` where the device reads it, i64
    bool in_order = false;  // order[i] is i

    WindowSizes sizes() const {
        WindowSizes s = counted;
        if (!starts.empty()) s.tokens = static_cast<int64_t>(order.size());
        for (size_t w = 1; w < starts.size(); ++w) {
            const int64_t length = starts[w] - starts[w - 1];
            s.longest = std::max(s.longest, length);
            s.shortest = w == 1 ? length : std::min(s.shortest, length);
            s.pairs += double(length) * double(length);
        }
        return s;
    }
};

// What a backward of attention over windows needs of each branch, beside q, k and v. Logarithms lie head by head:
// kernels work on many rows of one head at a time.
struct AttentionSaved {
    struct Branch {
        Tensor output;       // [N, heads*d] of q's type, before the average; of a single branch the result itself
        Tensor log_sum_exp;  // [heads, N] f32: log(sum over the keys j of row i's window of exp(scale * q_i.k_j))
        // Where the windows of a second branch are gathered: those rows of q, k and v. Then row i of all in this branch
        // is row order[i] of the caller's; else rows come in the caller's order.
        Tensor q, k, v;

        bool gathered() const { return q.defined(); }
    };
    std::vector<Branch> branches;
};

// How a product enters its result: result = factor * product, plus what is there already if it adds.
struct Into {
    float factor = 1.0f;
    bool add = false;
};

// A linear map and the gate of its residual step in one: gate * W, [out, in] bf16, and gate * b, [out] f32.
struct GatedProduct {
    Tensor weight, bias;
};

struct WindowOptions {
    int64_t heads;
    float scale;                                    // multiplies q.k
    std::span<const TokenWindows* const> branches;  // one or two
    AttentionSaved* saved = nullptr;                // where asked for, with a branch's tensors for each of them
    const Tensor* places = nullptr;                 // [N] i64 on the device: row i's result is row places[i]
};

struct WindowBackward {
    int64_t heads;
    float scale;
    std::span<const TokenWindows* const> branches;
    const AttentionSaved& saved;
    bool deterministic = false;  // the same bits every time, which else the order of a library's additions may change
};

// Cosines and sines of the angles of each axis, [positions, pairs of the axis] f32. The pairs of a head are divided
// among the axes in the order t, h, w.
struct RopeTable {
    Grid grid;
    Tensor cos_t, sin_t, cos_h, sin_h, cos_w, sin_w;
    int64_t samples = 1;  // one behind another: each has a grid of its own
};

// Rows of heads that are normalised over their whole width, where there is a weight, and rotated.
// x, y: [n, heads*d], y may be x.
struct NormRope {
    const Tensor& x;
    const Tensor* weight;
    float eps;
    Tensor& y;
};

// Of the same, the gradient dx from dy; dx may be dy. dweight, f32, is added to, or null where nobody asks.
struct NormRopeGradient {
    const Tensor& x;
    const Tensor* weight;
    float eps;
    const Tensor& dy;
    Tensor& dx;
    Tensor* dweight;
};

// Backward of a layer norm over rows: y = n * (offset + scale) + shift. Scales come in sets; dx is added to; dscale and
// dshift, of scale's elements, are added to or null.
struct NormBackward {
    const Rows& x;
    const Tensor& scale;
    float offset;
    TokenSets sets;
    float eps;
    const Tensor& dy;
    Rows& dx;
    Tensor *dscale, *dshift;
    int64_t count() const { return scale.numel() / x.data.dim(1); }  // of sets
};

// Of a sample's squared error: over frames from `first_frame` on, with the gradient slope * difference there.
struct ErrorSlope {
    int64_t first_frame;
    float slope;
};

struct AdamStep {
    float rate, beta1, beta2, eps, decay;
    float factor;                    // of gradients
    float correction1, correction2;  // 1 - beta^step
};

// A running mean of gradients, or of their squares. In 8 bits a block of kMomentBlock elements shares a scale, its
// largest magnitude, and codes are spaced as in "8-bit Optimizers via Block-wise Quantization" (Dettmers et al.): a
// "dynamic" data type, relative errors alike over several powers of ten.
constexpr int64_t kMomentBlock = 256;
struct AdamMoment {
    Tensor values;  // f32, or u8 codes
    Tensor scales;  // of codes, f32, one for each block
    bool in_8_bits() const { return scales.defined(); }
};

// Gradients of attention's operands.
struct AttentionGradients {
    Tensor q, k, v;
};

}  // namespace t3video::ops
