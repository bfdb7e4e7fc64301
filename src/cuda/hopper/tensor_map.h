// Descriptions of bf16 arrays from which Hopper's copy engine reads boxes.
#pragma once

#include <cuda.h>
#include <cuda_bf16.h>

#include <array>

#include "cuda/check.h"

namespace t3video::cuda::hopper {

// Found once for several maps: the program also starts without a driver.
using TensorMapEncoder = decltype(&cuTensorMapEncodeTiled);
inline TensorMapEncoder tensor_map_encoder() {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found{};
    check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &found));
    require(found == cudaDriverEntryPointSuccess, "CUDA: the driver has no cuTensorMapEncodeTiled");
    return reinterpret_cast<TensorMapEncoder>(function);
}

// extents and box: innermost first; strides: in elements, of all dimensions but the innermost. What a box holds beyond
// the extents is zero. Rows of a box are swizzled over their 128 bytes (64 elements), or else over 64.
template <size_t kRank>
CUtensorMap tensor_map(TensorMapEncoder encode, const void* data, const std::array<int64_t, kRank>& extents,
                       const std::array<int64_t, kRank - 1>& strides, const std::array<int, kRank>& box) {
    std::array<cuuint64_t, kRank> sizes;
    std::array<cuuint64_t, kRank - 1> steps;
    std::array<cuuint32_t, kRank> lengths, every;
    every.fill(1);
    for (size_t i = 0; i < kRank; ++i) {
        sizes[i] = static_cast<cuuint64_t>(extents[i]);
        lengths[i] = static_cast<cuuint32_t>(box[i]);
        if (i > 0) steps[i - 1] = static_cast<cuuint64_t>(strides[i - 1]) * sizeof(__nv_bfloat16);
    }
    CUtensorMap map{};
    const CUresult status =
        encode(&map, CU_TENSOR_MAP_DATA_TYPE_BFLOAT16, static_cast<cuuint32_t>(kRank), const_cast<void*>(data),
               sizes.data(), steps.data(), lengths.data(), every.data(), CU_TENSOR_MAP_INTERLEAVE_NONE,
               box[0] == 64 ? CU_TENSOR_MAP_SWIZZLE_128B : CU_TENSOR_MAP_SWIZZLE_64B,
               CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    require(status == CUDA_SUCCESS, "CUDA: a tensor map failed with error ", static_cast<int>(status));
    return map;
}

}  // namespace t3video::cuda::hopper
