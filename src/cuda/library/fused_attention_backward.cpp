// Sums of dq over the keys go to f32 memory in any order; where the order must be fixed, cuDNN writes the gradients of
// all scores in bf16 instead, two bytes for each pair of tokens of a head, and multiplies them by the keys.
#include "cuda/library/fused_attention_backward.h"

#include <tuple>
#include <vector>

#include "cuda/library/cudnn.h"

namespace t3video::cuda {
namespace {

enum Uid : int64_t { kQ = 1, kK, kV, kY, kGradient, kStatistics, kQGradient, kKGradient, kVGradient };

std::unique_ptr<fe::graph::Graph> make_graph(Cudnn& library, const FusedAttentionBackward& p) {
    auto graph = std::make_unique<fe::graph::Graph>();
    graph->set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    // [window, head, token, channel]
    const std::vector<int64_t> dims{p.windows, p.heads, p.tokens, p.width},
        strides{p.tokens * p.stride, p.width, p.stride, 1};
    const auto operand = [&](const char* name, Uid uid) {
        return graph->tensor(
            fe::graph::Tensor_attributes().set_name(name).set_uid(uid).set_dim(dims).set_stride(strides));
    };
    const auto statistics = graph->tensor(fe::graph::Tensor_attributes()
                                              .set_name("log_sum_exp")
                                              .set_uid(kStatistics)
                                              .set_dim({p.windows, p.heads, p.tokens, 1})
                                              .set_stride({p.heads * p.tokens, p.tokens, 1, 1})
                                              .set_data_type(fe::DataType_t::FLOAT));
    auto options = fe::graph::SDPA_backward_attributes();
    options.set_name("attention_backward").set_attn_scale(p.scale).set_deterministic_algorithm(p.deterministic);
    const auto [dq, dk, dv] = graph->sdpa_backward(operand("q", kQ), operand("k", kK), operand("v", kV),
                                                   operand("y", kY), operand("dy", kGradient), statistics, options);
    dq->set_output(true).set_uid(kQGradient).set_dim(dims).set_stride(strides);
    dk->set_output(true).set_uid(kKGradient).set_dim(dims).set_stride(strides);
    dv->set_output(true).set_uid(kVGradient).set_dim(dims).set_stride(strides);
    build(library, *graph);
    return graph;
}

// Null where cuDNN has none.
const fe::graph::Graph* graph_for(Context& ctx, const FusedAttentionBackward& p) {
    const std::tuple key{p.windows, p.heads, p.tokens, p.width, p.stride, p.scale, p.deterministic};
    return graph_of(state(ctx), "fused_attention_backward", key,
                    [&](Cudnn& library) -> std::unique_ptr<fe::graph::Graph> {
                        try {
                            return make_graph(library, p);
                        } catch (const Error&) {  // cuDNN says no by failing to make an execution plan
                            return nullptr;
                        }
                    });
}

}  // namespace

bool fused_attention_backward(Context& ctx, const FusedAttentionBackward& p, const FusedBackwardOperands& o) {
    const fe::graph::Graph* graph = graph_for(ctx, p);
    if (!graph) return false;
    const auto operand = [](const void* data) { return const_cast<void*>(data); };
    execute(ctx, *graph,
            {{kQ, operand(o.q)},
             {kK, operand(o.k)},
             {kV, operand(o.v)},
             {kY, operand(o.y)},
             {kGradient, operand(o.dy)},
             {kStatistics, operand(o.log_sum_exp)},
             {kQGradient, o.dq},
             {kKGradient, o.dk},
             {kVGradient, o.dv}});
    return true;
}

std::optional<size_t> fused_attention_backward_bytes(Context& ctx, const FusedAttentionBackward& p) {
    const fe::graph::Graph* graph = graph_for(ctx, p);
    if (!graph) return std::nullopt;
    int64_t bytes = 0;
    check(graph->get_workspace_size(bytes));
    return static_cast<size_t>(bytes);
}

}  // namespace t3video::cuda
