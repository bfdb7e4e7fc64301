// What a parameter becomes when it is trained.
#include "nn/param.h"

#include <utility>

#include "ops/convert.h"

namespace t3video::nn {

void make_trainable(Context& ctx, Param& param) {
    const Stored stored = param.value.defined() ? param.value : Stored(param.prepared.blobs.at(0));
    require(param.prepared.format == ops::Prepared::Format::plain, "train: a weight ", param.shape, " is packed");
    Tensor value = ops::convert_to_device(ctx, stored, DType::f32);
    // Numbers that were f32 already belong to a file, or to whoever gave them.
    if (!stored.encoding() && stored.numbers().raw() == std::as_const(value).raw()) value = clone(ctx, value);
    value = value.reshape(param.shape);
    const Tensor read = param.role == Role::scale ? value : ops::convert(ctx, value, ctx.compute_type());
    param.value = value;
    param.prepared = {.shape = param.shape, .blobs = {read}};
    param.grad = zeros(ctx, param.shape);
}

}  // namespace t3video::nn
