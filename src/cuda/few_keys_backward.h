// Gradients of attention over the keys of a prompt, in bf16.
#pragma once

#include <algorithm>

#include "tensor/op_types.h"

namespace t3video::cuda {

constexpr int64_t kFewKeys = 128;
constexpr int64_t kFewKeysRows = 64;     // queries of a tile
constexpr int64_t kFewKeysBlocks = 264;  // at most, unless there are more heads: two for each multiprocessor of an H200

// Whether there is a kernel for them, on a card with enough shared memory.
inline bool are_few_keys(DType dtype, int64_t keys, int64_t qk_width, int64_t v_width) {
    return dtype == DType::bf16 && keys >= 1 && keys <= kFewKeys && qk_width == v_width &&
           (qk_width == 64 || qk_width == 128);
}

// How the queries of a head are cut. It depends on nothing but the problem, and so does the order of sums.
struct FewKeysChunks {
    int64_t count, tiles;  // tiles of kFewKeysRows of each but the last

    FewKeysChunks(int64_t heads, int64_t queries) {
        const int64_t all = (queries + kFewKeysRows - 1) / kFewKeysRows;
        const int64_t most = std::clamp<int64_t>(kFewKeysBlocks / heads, 1, std::max<int64_t>(all, 1));
        tiles = (all + most - 1) / most;
        count = tiles == 0 ? 0 : (all + tiles - 1) / tiles;
    }
};

// The parts of dk and dv that chunks sum up.
inline Scratch few_keys_scratch(int64_t heads, int64_t queries, int64_t keys, int64_t width) {
    const auto part = static_cast<size_t>(FewKeysChunks(heads, queries).count * heads * keys * width) * sizeof(float);
    return {part, part};
}

// ops::attention_backward. False, with nothing done, where there is no kernel for it.
bool few_keys_backward(Context& ctx, const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& dy,
                       const ops::AttentionOptions& options, Tensor& dq, Tensor& dk, Tensor& dv);

}  // namespace t3video::cuda
