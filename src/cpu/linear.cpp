// Linear layers through oneDNN's matmul, bias and activation fused into it. Bound by arithmetic. A weight that is not
// packed is converted into f32 scratch for the length of the call, so a model costs one layer beyond its mapped file.
#include "cpu/linear.h"

#include <unordered_map>

#include "cpu/convert.h"
#include "cpu/onednn.h"
#include "cpu/packed_matrix.h"
#include "cpu/state.h"

namespace t3video::cpu {
namespace {

using Tag = dnnl::memory::format_tag;

dnnl::memory view(const dnnl::memory::desc& desc, const dnnl::engine& engine, const Tensor& x) {
    return {desc, engine, const_cast<float*>(x.data<float>())};
}

dnnl::primitive_attr fused(ops::Activation activation) {
    dnnl::post_ops post;
    if (activation == ops::Activation::silu) append_activation(post, dnnl::algorithm::eltwise_swish, 1.0f);
    if (activation == ops::Activation::gelu_tanh) append_activation(post, dnnl::algorithm::eltwise_gelu_tanh, 0.0f);
    dnnl::primitive_attr attr;
    attr.set_post_ops(post);
    return attr;
}

}  // namespace

void linear(Context& ctx, const Tensor& x, const Tensor& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y) {
    const int64_t k = x.dim(-1), m = x.numel() / k, n = weight.dim(0);
    State& cpu = state(ctx);
    const PackedMatrix* const packed = packed_matrix(weight);
    const Tensor w = packed ? packed->values() : as_f32(ctx, weight);
    const auto type = dnnl::memory::data_type::f32;
    const dnnl::memory::desc x_desc({m, k}, type, Tag::ab), y_desc({m, n}, type, Tag::ab),
        b_desc({1, n}, type, Tag::ab), w_desc = packed ? packed->layout() : dnnl::memory::desc({k, n}, type, Tag::ba);
    const auto arguments_of = [&](const Tensor* b) {
        std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, view(x_desc, cpu.engine, x)},
                                                        {DNNL_ARG_WEIGHTS, view(w_desc, cpu.engine, w)},
                                                        {DNNL_ARG_DST, view(y_desc, cpu.engine, y)}};
        if (b) arguments.emplace(DNNL_ARG_BIAS, view(b_desc, cpu.engine, *b));
        return arguments;
    };
    const Tensor b = bias ? as_f32(ctx, *bias) : Tensor();
    const MatmulPlan plan =
        plan_matmul(cpu.engine, x_desc, w_desc, bias ? &b_desc : nullptr, y_desc, fused(activation));
    dnnl::matmul(plan).execute(cpu.stream, arguments_of(bias ? &b : nullptr));
    cpu.stream.wait();
}

}  // namespace t3video::cpu
