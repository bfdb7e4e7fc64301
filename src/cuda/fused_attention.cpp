// Bound by the matrix units and the exponentials between them.
#include "cuda/fused_attention.h"

#include <tuple>

#include "cuda/cudnn.h"

namespace t3video::cuda {
namespace {

enum Uid : int64_t { kQ = 1, kK, kV, kY };

using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, float>;
using Plans = std::map<Key, std::unique_ptr<fe::graph::Graph>>;

std::unique_ptr<fe::graph::Graph> make_graph(Cudnn& library, const FusedAttention& p) {
    auto graph = std::make_unique<fe::graph::Graph>();
    graph->set_io_data_type(fe::DataType_t::BFLOAT16)
        .set_intermediate_data_type(fe::DataType_t::FLOAT)
        .set_compute_data_type(fe::DataType_t::FLOAT);
    // [window, head, token, channel]
    const auto dims = [&](int64_t rows) { return std::vector<int64_t>{p.windows, p.heads, rows, p.width}; };
    const auto strides = [&](int64_t rows) {
        return std::vector<int64_t>{rows * p.heads * p.width, p.width, p.heads * p.width, 1};
    };
    const auto tensor = [&](const char* name, Uid uid, int64_t rows) {
        return graph->tensor(fe::graph::Tensor_attributes()
                                 .set_name(name)
                                 .set_uid(uid)
                                 .set_dim(dims(rows))
                                 .set_stride(strides(rows)));
    };
    auto options = fe::graph::SDPA_attributes();
    options.set_name("attention").set_generate_stats(false).set_attn_scale(p.scale);
    auto [y, statistics] =
        graph->sdpa(tensor("q", kQ, p.queries), tensor("k", kK, p.keys), tensor("v", kV, p.keys), options);
    y->set_output(true).set_uid(kY).set_dim(dims(p.queries)).set_stride(strides(p.queries));
    build(library, *graph);
    return graph;
}

}  // namespace

bool fused_attention_takes(DType dtype, int64_t qk_width, int64_t v_width) {
    return dtype == DType::bf16 && qk_width == v_width && qk_width % 8 == 0 && qk_width <= 128;
}

void fused_attention(Context& ctx, const FusedAttention& p, const void* q, const void* k, const void* v, void* y) {
    State& s = state(ctx);
    auto& graph = s.cache<Plans>("fused_attention")[Key{p.windows, p.heads, p.queries, p.keys, p.width, p.scale}];
    if (!graph) graph = make_graph(cudnn(s), p);
    const auto operand = [](const void* data) { return const_cast<void*>(data); };
    execute(ctx, *graph, {{kQ, operand(q)}, {kK, operand(k)}, {kV, operand(v)}, {kY, y}});
}

}  // namespace t3video::cuda
