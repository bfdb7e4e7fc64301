// A weight in the form in which an op reads it.
#pragma once

#include <memory>
#include <vector>

#include "tensor/stored.h"

namespace t3video::ops {

// What a weight is used for decides in which form, and where, ops read it.
enum class Role {
    matrix,       // of linear: [out, in]
    bias,         // of linear: [out]
    convolution,  // of conv3d: [co, ci, kt, kh, kw] or [co, ci, kh, kw]
    upsampling,   // of upsample_conv2d: [co, ci, 3, 3]
    conv_bias,    // of both: [co]
    scale,        // of norms and modulation
    table,        // of which few rows are read: stays in host memory as stored
};

struct Prepared {
    enum class Format {
        plain,   // one blob, row-major, of the weight's shape; of a matrix [out, in]
        packed,  // a matrix as `layout` says
        taps,    // a convolution: CPU: a blob for each tap of time, as `layout` says; GPU: one, [co, taps, ci], in bf16
                 // with channels by eights
        phases,  // an upsampling, by parity of output row and column: CPU: the taps of four 2x2 kernels; GPU: one blob,
                 // [parity of row, of column, co, 2, 2, ci]
    };

    Shape shape;  // of the weight
    Format format = Format::plain;
    std::vector<Tensor> blobs;
    std::shared_ptr<const void> layout;  // a library's description of each blob, which only the backend knows

    bool defined() const { return !blobs.empty(); }
    size_t bytes() const {
        size_t sum = 0;
        for (const Tensor& blob : blobs) sum += blob.bytes();
        return sum;
    }
};

}  // namespace t3video::ops
