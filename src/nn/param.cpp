// Weights on their way to a GPU.
#include "nn/param.h"

#include "ops/convert.h"

namespace t3video::nn {

DType device_type(const Context& ctx, const Param& param) {
    return param.role == Role::product ? ctx.compute_type() : DType::f32;
}

void place(Context& ctx, Param& param) {
    if (ctx.target() == Device::cpu || param.role == Role::table || param.streamed) return;
    param.value = ops::convert_to_device(ctx, param.value, device_type(ctx, param));
}

}  // namespace t3video::nn
