// Bound by the matrix units: as an implicit matrix product, without unfolding the input in memory.
#include "cuda/library/fused_conv.h"

#include <vector>

#include "cuda/library/cudnn.h"

namespace t3video::cuda {
namespace {

enum Uid : int64_t { kX = 1, kWeight, kBias, kY };

using Dims = std::vector<int64_t>;

// Strides of [n, c, t, h, w] whose channels lie last in memory.
Dims channels_last(const Dims& d) {
    return {d[1] * d[2] * d[3] * d[4], 1, d[1] * d[3] * d[4], d[1] * d[4], d[1]};
}

std::unique_ptr<fe::graph::Graph> make_graph(Cudnn& library, const FusedConv& p) {
    auto graph = std::make_unique<fe::graph::Graph>();
    const auto type = p.dtype == DType::bf16 ? fe::DataType_t::BFLOAT16 : fe::DataType_t::FLOAT;
    graph->set_io_data_type(type)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    const auto tensor = [&](const char* name, Uid uid, const Dims& dims) {
        auto attributes = fe::graph::Tensor_attributes();
        attributes.set_name(name).set_uid(uid).set_dim(dims).set_stride(channels_last(dims));
        return graph->tensor(attributes);
    };
    auto options = fe::graph::Conv_fprop_attributes();
    options.set_name("convolution")
        .set_padding({0, p.pad_h, p.pad_w})
        .set_stride({p.stride_t, p.stride_h, p.stride_w})
        .set_dilation({1, 1, 1});
    auto y = graph->conv_fprop(tensor("x", kX, {1, p.ci, p.t, p.h, p.w}),
                               tensor("weight", kWeight, {p.co, p.ci, p.kt, p.kh, p.kw}), options);
    if (p.bias) {
        auto attributes = fe::graph::Tensor_attributes();
        attributes.set_name("bias")
            .set_uid(kBias)
            .set_dim({1, p.co, 1, 1, 1})
            .set_stride({p.co, 1, p.co, p.co, p.co})
            .set_data_type(fe::DataType_t::FLOAT);
        auto add = fe::graph::Pointwise_attributes();
        add.set_name("add bias").set_mode(fe::PointwiseMode_t::ADD);
        y = graph->pointwise(y, graph->tensor(attributes), add);
    }
    const Dims dims{1, p.co, p.out_t(), p.out_h(), p.out_w()};
    y->set_output(true).set_uid(kY).set_dim(dims).set_stride(channels_last(dims)).set_data_type(type);
    build(library, *graph, p.dtype == DType::bf16);
    return graph;
}

}  // namespace

void fused_conv(Context& ctx, const FusedConv& p, const void* x, const void* weight, const void* bias, void* y) {
    State& s = state(ctx);
    const fe::graph::Graph* graph =
        graph_of(s, "fused_conv", p, [&](Cudnn& library) { return make_graph(library, p); });
    const auto operand = [](const void* data) { return const_cast<void*>(data); };
    std::unordered_map<int64_t, void*> tensors{{kX, operand(x)}, {kWeight, operand(weight)}, {kY, y}};
    if (p.bias) tensors[kBias] = operand(bias);
    execute(ctx, *graph, std::move(tensors));
}

}  // namespace t3video::cuda
