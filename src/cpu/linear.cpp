// Linear layers through oneDNN's matmul, bias and activation fused into it. Bound by arithmetic.
#include "cpu/linear.h"

#include <unordered_map>

#include "cpu/convert.h"
#include "cpu/onednn.h"
#include "cpu/state.h"

namespace t3video::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

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

void linear(Context& ctx, const Tensor& x, const ops::Prepared& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y) {
    const int64_t k = x.dim(-1), m = x.numel() / k, n = weight.shape[0];
    State& cpu = state(ctx);
    const bool packed = weight.format == ops::Prepared::Format::packed;
    const Tensor& w = weight.blobs[0];
    const Desc x_desc({m, k}, kF32, Tag::ab), y_desc({m, n}, kF32, Tag::ab), b_desc({1, n}, kF32, Tag::ab),
        w_desc = packed ? *static_cast<const Desc*>(weight.layout.get()) : Desc({k, n}, kF32, Tag::ba);
    const auto arguments_of = [&](const Tensor* b) {
        std::unordered_map<int, dnnl::memory> arguments{{DNNL_ARG_SRC, view(x_desc, cpu.engine, x)},
                                                        {DNNL_ARG_WEIGHTS, view(w_desc, cpu.engine, w)},
                                                        {DNNL_ARG_DST, view(y_desc, cpu.engine, y)}};
        if (b) arguments.emplace(DNNL_ARG_BIAS, view(b_desc, cpu.engine, *b));
        return arguments;
    };
    const Tensor b = bias ? as_f32(ctx, *bias) : Tensor();
    const MatmulPrimitiveDesc product =
        describe_matmul(cpu.engine, x_desc, w_desc, bias ? &b_desc : nullptr, y_desc, fused(activation));
    dnnl::matmul(product).execute(cpu.stream, arguments_of(bias ? &b : nullptr));
    cpu.stream.wait();
}

ops::Prepared pack_matrix(Context& ctx, const Stored& weight) {
    using Format = ops::Prepared::Format;
    State& cpu = state(ctx);
    const int64_t out = weight.dim(0), in = weight.dim(1);
    constexpr int64_t kTokens = 1024;  // any number of rows is multiplied with what suits this one
    const MatmulPrimitiveDesc product =
        describe_matmul(cpu.engine, Desc({kTokens, in}, kF32, Tag::ab), Desc({in, out}, kF32, Tag::any), nullptr,
                        Desc({kTokens, out}, kF32, Tag::ab));
    const auto layout = std::make_shared<Desc>(product.weights_desc());
    const Tensor plain = as_f32(ctx, weight);
    if (!in_blocks(*layout)) return {weight.shape(), Format::plain, {plain}, nullptr};
    Tensor blocks = empty(ctx, {static_cast<int64_t>(layout->get_size() / sizeof(float))});
    dnnl::memory from = view(Desc({in, out}, kF32, Tag::ba), cpu.engine, plain), to = view(*layout, cpu.engine, blocks);
    dnnl::reorder(from, to).execute(cpu.stream, from, to);
    cpu.stream.wait();
    return {weight.shape(), Format::packed, {blocks}, layout};
}

}  // namespace t3video::cpu
