// Bound by the matrix units and the exponentials between them: of an H200's 790 TFLOP/s in a large product, cuDNN
// reaches 78 % in windows of tens of thousands of tokens and 70 % in windows of 1344, for which Hopper has a kernel of
// our own (hopper/attention.cu). Over the 101 keys of a prompt it is bound by reading q and writing the result instead,
// at 57 to 65 % of 4.3 TB/s.
#include "cuda/library/fused_attention.h"

#include <tuple>
#include <vector>

#include "cuda/library/cudnn.h"

namespace t3video::cuda {
namespace {

enum Uid : int64_t { kQ = 1, kK, kV, kY, kBias, kStatistics };

using Key = std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t, float, bool, bool>;

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
        return graph->tensor(
            fe::graph::Tensor_attributes().set_name(name).set_uid(uid).set_dim(dims(rows)).set_stride(strides(rows)));
    };
    auto options = fe::graph::SDPA_attributes();
    options.set_name("attention").set_generate_stats(p.statistics).set_attn_scale(p.scale);
    if (p.key_bias) {
        auto bias = graph->tensor(fe::graph::Tensor_attributes()
                                      .set_name("bias")
                                      .set_uid(kBias)
                                      .set_dim({1, 1, 1, p.keys})
                                      .set_stride({p.keys, p.keys, p.keys, 1})
                                      .set_data_type(fe::DataType_t::FLOAT));
        options.set_bias(bias);
    }
    auto [y, statistics] =
        graph->sdpa(tensor("q", kQ, p.queries), tensor("k", kK, p.keys), tensor("v", kV, p.keys), options);
    y->set_output(true).set_uid(kY).set_dim(dims(p.queries)).set_stride(strides(p.queries));
    if (p.statistics) {
        statistics->set_output(true)
            .set_uid(kStatistics)
            .set_dim({p.windows, p.heads, p.queries, 1})
            .set_stride({p.heads * p.queries, p.queries, 1, 1})
            .set_data_type(fe::DataType_t::FLOAT);
    }
    build(library, *graph);
    return graph;
}

Key key_of(const FusedAttention& p) {
    return {p.windows, p.heads, p.queries, p.keys, p.width, p.scale, p.key_bias, p.statistics};
}

}  // namespace

bool fused_attention_runs(Context& ctx, const FusedAttention& p) {
    State& s = state(ctx);
    return graph_of(s, "fused_attention", key_of(p), [&](Cudnn& library) -> std::unique_ptr<fe::graph::Graph> {
               try {
                   return make_graph(library, p);
               } catch (const Error&) {  // cuDNN says no by failing to make an execution plan
                   return nullptr;
               }
           }) != nullptr;
}

void fused_attention(Context& ctx, const FusedAttention& p, const void* q, const void* k, const void* v, void* y,
                     const void* key_bias, void* statistics) {
    State& s = state(ctx);
    const fe::graph::Graph* graph =
        graph_of(s, "fused_attention", key_of(p), [&](Cudnn& library) { return make_graph(library, p); });
    require(graph != nullptr, "cuDNN takes no attention of ", p.windows, " windows of ", p.queries, " tokens");
    const auto operand = [](const void* data) { return const_cast<void*>(data); };
    std::unordered_map<int64_t, void*> tensors{{kQ, operand(q)}, {kK, operand(k)}, {kV, operand(v)}, {kY, y}};
    if (p.key_bias) tensors[kBias] = operand(key_bias);
    if (p.statistics) tensors[kStatistics] = statistics;
    execute(ctx, *graph, std::move(tensors));
}

}  // namespace t3video::cuda
