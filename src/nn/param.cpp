// Weights on their way to a GPU.
#include "nn/param.h"

#include "ops/convert.h"

namespace t3video::nn {

void place(Context& ctx, Param& param) {
    if (ctx.target() == Device::cpu || param.role == Role::table) return;
    const DType dtype = param.role == Role::product ? ctx.compute_type() : DType::f32;
    param.value = ops::convert(ctx, to_device(ctx, param.value), dtype);
}

}  // namespace t3video::nn
