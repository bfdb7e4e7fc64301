#include "cpu/packed_matrix.h"

#include "core/error.h"
#include "cpu/convert.h"
#include "cpu/onednn.h"
#include "cpu/state.h"

namespace t3video::cpu {
namespace {

using Desc = dnnl::memory::desc;
using Tag = dnnl::memory::format_tag;
constexpr auto kF32 = dnnl::memory::data_type::f32;

Desc plain_layout(const dnnl::memory::dims& dims) {
    return {dims, kF32, Tag::ba};  // [in, out], of a weight stored as [out, in]
}

void reorder(const dnnl::engine& engine, dnnl::stream& stream, const Desc& from, const float* source, const Desc& to,
             float* target) {
    dnnl::memory in(from, engine, const_cast<float*>(source)), out(to, engine, target);
    dnnl::reorder(in, out).execute(stream, in, out);
    stream.wait();
}

}  // namespace

int64_t PackedMatrix::group() const {
    const dnnl::memory::dims dims = dims_of(layout_);
    return dims[0] * dims[1];
}

void PackedMatrix::decode(int64_t first, int64_t count, float* values) const {
    require(first == 0 && count == group(), "a packed matrix is decoded as a whole");
    dnnl::stream stream(engine_);
    reorder(engine_, stream, layout_, values_.data<float>(), plain_layout(dims_of(layout_)), values);
}

Tensor pack_matrix(Context& ctx, const Tensor& weight) {
    State& cpu = state(ctx);
    const int64_t out = weight.dim(0), in = weight.dim(1);
    constexpr int64_t kTokens = 1024;  // any number of rows is multiplied with what suits this one
    const MatmulPlan product =
        plan_matmul(cpu.engine, Desc({kTokens, in}, kF32, Tag::ab), Desc({in, out}, kF32, Tag::any), nullptr,
                    Desc({kTokens, out}, kF32, Tag::ab));
    const Desc layout = product.weights_desc();
    const Tensor plain = as_f32(ctx, weight);
    if (!in_blocks(layout)) return plain;
    Tensor values = empty(ctx, {static_cast<int64_t>(layout.get_size() / sizeof(float))});
    reorder(cpu.engine, cpu.stream, plain_layout({in, out}), plain.data<float>(), layout, values.data<float>());
    return {weight.shape(), std::make_shared<PackedMatrix>(cpu.engine, layout, values)};
}

const PackedMatrix* packed_matrix(const Tensor& weight) {
    return weight.dtype() == DType::encoded ? dynamic_cast<const PackedMatrix*>(&weight.encoding()) : nullptr;
}

}  // namespace t3video::cpu
