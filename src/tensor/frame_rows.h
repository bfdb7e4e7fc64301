// Bands of a frame.
#pragma once

#include "core/error.h"
#include "tensor/tensor.h"

namespace t3video {

// Rows [first, last) of a frame [1, H, W, C]: a view.
inline Tensor frame_rows(const Tensor& frame, int64_t first, int64_t last) {
    require(frame.rank() == 4 && frame.dim(0) == 1 && 0 <= first && first <= last && last <= frame.dim(1), "rows ",
            first, " to ", last, " of a frame ", frame.shape());
    return frame.reshape({frame.dim(1), frame.dim(2) * frame.dim(3)})
        .slice(first, last)
        .reshape({1, last - first, frame.dim(2), frame.dim(3)});
}

}  // namespace t3video
