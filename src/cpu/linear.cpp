// Linear layers through oneDNN's matmul, bias and activation fused into it. Bound by arithmetic.
#include "cpu/linear.h"

#include <unordered_map>

#include "cpu/convert.h"
#include "cpu/onednn.h"
#include "cpu/state.h"
#include "cpu/sum_rows.h"

namespace t3video::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

dnnl::memory view(const dnnl::memory::desc& desc, const dnnl::engine& engine, const Tensor& x) {
    return {desc, engine, const_cast<float*>(x.data<float>())};
}

dnnl::primitive_attr fused(ops::Activation activation, bool add) {
    dnnl::post_ops post;
    if (add) post.append_sum(1.0f);
    if (activation == ops::Activation::silu) append_activation(post, dnnl::algorithm::eltwise_swish, 1.0f);
    if (activation == ops::Activation::gelu_tanh) append_activation(post, dnnl::algorithm::eltwise_gelu_tanh, 0.0f);
    dnnl::primitive_attr attr;
    attr.set_post_ops(post);
    return attr;
}

}  // namespace

void linear(Context& ctx, const Tensor& x, const ops::Prepared& weight, const Tensor* bias, ops::Activation activation,
            Tensor& y, bool add) {
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
        describe_matmul(cpu.engine, x_desc, w_desc, bias ? &b_desc : nullptr, y_desc, fused(activation, add));
    dnnl::matmul(product).execute(cpu.stream, arguments_of(bias ? &b : nullptr));
    cpu.stream.wait();
}

namespace {

// A weight [out, in] as sgemm reads it.
const float* plain(const ops::Prepared& weight) {
    require(weight.format == ops::Prepared::Format::plain, "linear: a packed weight has no backward");
    return weight.blobs[0].data<float>();
}

}  // namespace

void product_into(Context& /*ctx*/, const Tensor& x, const ops::Prepared& weight, const ops::Into& into, Tensor& y) {
    const int64_t in = x.dim(-1), rows = x.numel() / in, out = weight.shape[0];
    dnnl_sgemm('N', 'T', rows, out, in, into.factor, x.data<float>(), in, plain(weight), in, into.add ? 1.0f : 0.0f,
               y.data<float>(), out);
}

void linear_backward(Context& /*ctx*/, const Tensor& dy, const ops::Prepared& weight, const ops::Into& into,
                     Tensor& dx) {
    const int64_t in = dx.dim(-1), out = dy.dim(-1), rows = dy.numel() / out;
    dnnl_sgemm('N', 'N', rows, in, out, into.factor, dy.data<float>(), out, plain(weight), in, into.add ? 1.0f : 0.0f,
               dx.data<float>(), in);
}

void add_weight_gradient(Context& /*ctx*/, const Tensor& dy, const Tensor& x, float factor, Tensor& dweight) {
    const int64_t in = x.dim(-1), out = dy.dim(-1), rows = x.numel() / in;
    dnnl_sgemm('T', 'N', out, in, rows, factor, dy.data<float>(), out, x.data<float>(), in, 1.0f, dweight.data<float>(),
               in);
}

void add_column_sums(Context& ctx, const Tensor& dy, Tensor& db) {
    const int64_t width = dy.dim(-1);
    sum_products(
        ctx, {nullptr, dy.data<float>(), dy.numel() / width, width}, [](int64_t) { return true; }, db.data<float>());
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
