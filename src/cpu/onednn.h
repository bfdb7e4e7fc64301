// Where oneDNN 2 (Debian 12) and 3 are called differently: how an operation is described, and what a layout tells.
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

namespace t3video::cpu {

using MatmulPrimitiveDesc = dnnl::matmul::primitive_desc;
using ConvPrimitiveDesc = dnnl::convolution_forward::primitive_desc;

// Describes dst [m, n] = src [m, k] * weights [k, n] (+ bias [1, n], which may be null)
inline MatmulPrimitiveDesc describe_matmul(const dnnl::engine& engine, const dnnl::memory::desc& src,
                                           const dnnl::memory::desc& weights, const dnnl::memory::desc* bias,
                                           const dnnl::memory::desc& dst, const dnnl::primitive_attr& attr = {}) {
#if DNNL_VERSION_MAJOR >= 3
    if (bias) return {engine, src, weights, *bias, dst, attr};
    return {engine, src, weights, dst, attr};
#else
    if (bias) return {dnnl::matmul::desc(src, weights, *bias, dst), attr, engine};
    return {dnnl::matmul::desc(src, weights, dst), attr, engine};
#endif
}

struct ConvShape {
    dnnl::memory::desc src, weights, dst;
    dnnl::memory::dims strides, before, after;  // before and after: rows and columns of zeros around src
};

// Describes a convolution for inference; `bias` [co] may be null.
inline ConvPrimitiveDesc describe_conv(const dnnl::engine& engine, dnnl::algorithm algorithm, const ConvShape& shape,
                                       const dnnl::memory::desc* bias, const dnnl::primitive_attr& attr = {}) {
    const auto& [src, weights, dst, strides, before, after] = shape;
    constexpr auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
    if (bias) return {engine, kind, algorithm, src, weights, *bias, dst, strides, before, after, attr};
    return {engine, kind, algorithm, src, weights, dst, strides, before, after, attr};
#else
    using Desc = dnnl::convolution_forward::desc;
    if (bias) return {Desc(kind, algorithm, src, weights, *bias, dst, strides, before, after), attr, engine};
    return {Desc(kind, algorithm, src, weights, dst, strides, before, after), attr, engine};
#endif
}

inline void append_activation(dnnl::post_ops& post, dnnl::algorithm algorithm, float alpha) {
#if DNNL_VERSION_MAJOR >= 3
    post.append_eltwise(algorithm, alpha, 0.0f);
#else
    post.append_eltwise(1.0f, algorithm, alpha, 0.0f);
#endif
}

inline dnnl::memory::dims dims_of(const dnnl::memory::desc& layout) {
#if DNNL_VERSION_MAJOR >= 3
    return layout.get_dims();
#else
    return layout.dims();
#endif
}

// Whether elements lie in blocks, not merely in an order of the dimensions.
inline bool in_blocks(const dnnl::memory::desc& layout) {
#if DNNL_VERSION_MAJOR >= 3
    return layout.get_inner_nblks() > 0;
#else
    return layout.data.format_desc.blocking.inner_nblks > 0;
#endif
}

}  // namespace t3video::cpu
