// Arguments that the op layer and the backends share.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

namespace t3video::ops {

enum class Activation { none, silu, gelu_tanh };

struct Conv3dOptions {
    int64_t stride_t = 1, stride_h = 1, stride_w = 1;
    // Zero rows and columns around each frame.
    int64_t pad_top = 0, pad_bottom = 0, pad_left = 0, pad_right = 0;
    // Zero frames before the first: fewer than the kernel's frames. Frames of the past are passed as parts in front.
    int64_t pad_front = 0;
};

struct AttentionOptions {
    int64_t heads = 1;
    float scale = 1.0f;                     // multiplies q.k
    const Tensor* key_bias = nullptr;       // [keys] f32, added to the scaled score of each key, for every head
    const Tensor* relative_bias = nullptr;  // [heads, 2*n-1] f32, n = queries = keys: entry (j - i) + n - 1 is added
};

// A partition of N tokens into windows: window w holds tokens order[starts[w] .. starts[w+1]).
struct TokenWindows {
    std::vector<int64_t> order;   // a permutation of 0 .. N-1
    std::vector<int64_t> starts;  // windows + 1 entries, 0 first, N last
};

// Cosines and sines of the angles of each axis, [positions, pairs of the axis] f32. The pairs of a head are divided
// among the axes in the order t, h, w.
struct RopeTable {
    Grid grid;
    Tensor cos_t, sin_t, cos_h, sin_h, cos_w, sin_w;
};

}  // namespace t3video::ops
