// Weights for the device.
#include "ops/prepare.h"

#include "cpu/conv3d.h"
#include "cpu/convert.h"
#include "cpu/linear.h"
#include "cuda/conv_scratch.h"
#include "cuda/prepare.h"
#include "ops/convert.h"
#include "ops/dispatch.h"

namespace t3video::ops {
namespace {

// A weight's shape as `role` has it: a matrix without further axes, a convolution with one of time.
Shape shape_for(Role role, const Shape& s) {
    const bool fits = role == Role::matrix        ? s.rank() >= 2
                      : role == Role::convolution ? s.rank() == 4 || s.rank() == 5
                      : role == Role::upsampling  ? s.rank() == 4 && s[2] == 3 && s[3] == 3
                                                  : true;
    require(fits && s.numel() > 0, "prepare: a weight of ", s);
    if (role == Role::matrix) return {s[0], s.numel() / s[0]};
    if (role == Role::convolution && s.rank() == 4) return {s[0], s[1], 1, s[2], s[3]};
    return s;
}

// Memory that preparing for the CPU takes, where nothing is computed.
Prepared count_for_cpu(Context& ctx, const Stored& weight, Role role, Uses uses) {
    const Shape& s = weight.shape();
    Prepared p{s, Prepared::Format::plain, {}, nullptr};
    const auto add = [&](size_t bytes) {
        p.blobs.emplace_back(Shape{static_cast<int64_t>(bytes / sizeof(float))}, DType::f32,
                             ctx.allocator().allocate(bytes));
    };
    const bool plain = !weight.encoding() && weight.numbers().dtype() == DType::f32;
    if (role == Role::matrix) {
        const Tensor f32 = plain ? weight.numbers() : empty(ctx, s);
        if (uses == Uses::few) {
            p.blobs.push_back(f32);
        } else {
            add(cpu::packed_bytes(s[0], s[1]));
        }
    } else if (role == Role::convolution) {
        const auto one = empty(ctx, {s[0], s[1], s[3], s[4]});  // a tap as stored
        for (int64_t k = 0; k < s[2]; ++k) add(cpu::tap_bytes(s[0], s[1], s[3] * s[4]));
    } else {
        const auto one = empty(ctx, {2, s[0], s[1], 2, 2});
        for (int phase = 0; phase < 4; ++phase) add(cpu::tap_bytes(s[0], s[1], 4));
    }
    return p;
}

Prepared prepare_for_cpu(Context& ctx, const Stored& weight, Role role, Uses uses, const FrameConv* frame) {
    const bool product = role == Role::matrix || role == Role::convolution || role == Role::upsampling;
    if (!product) {
        const Tensor values = weight.encoding() ? convert(ctx, weight, DType::f32) : weight.numbers();
        return {weight.shape(), Prepared::Format::plain, {values}, nullptr};
    }
    if (ctx.device() == Device::meta) return count_for_cpu(ctx, weight, role, uses);
    if (role == Role::convolution) return cpu::arrange_taps(ctx, weight, frame);
    if (role == Role::upsampling) return cpu::arrange_phases(ctx, weight, frame);
    if (uses == Uses::many) return cpu::pack_matrix(ctx, weight);
    return {weight.shape(), Prepared::Format::plain, {cpu::as_f32(ctx, weight)}, nullptr};
}

Prepared prepare_for_gpu(Context& ctx, const Stored& weight, Role role) {
    const bool is_there = !weight.encoding() && weight.numbers().device() == ctx.device();
    const DType type = role == Role::scale ? DType::f32 : ctx.compute_type();
    const Tensor value = is_there ? weight.numbers() : convert_to_device(ctx, weight, type);
    const Shape& s = value.shape();
    Prepared p{s, Prepared::Format::plain, {value}, nullptr};
    const auto arranged = [&](Prepared::Format format, const Shape& shape, DType dtype, auto&& arrange) {
        Tensor to = empty(ctx, shape, dtype);
        dispatch(
            ctx, {}, [] {}, [&] { arrange(to); });
        p.format = format;
        p.blobs = {to};
    };
    const auto eights = [&](int64_t channels) {
        return value.dtype() == DType::bf16 ? cuda::round_channels(channels) : channels;
    };
    if (role == Role::upsampling && cuda::upsamples_in_place(ctx.traits(), value.dtype(), s[1], s[0])) {
        arranged(Prepared::Format::phases, {2, 2, s[0], 4, s[1]}, value.dtype(),
                 [&](Tensor& to) { cuda::arrange_phases(ctx, value, to); });
    } else if (role == Role::convolution || role == Role::upsampling) {
        arranged(Prepared::Format::taps, {eights(s[0]), s.numel() / (s[0] * s[1]), eights(s[1])}, value.dtype(),
                 [&](Tensor& to) { cuda::arrange_taps(ctx, value, to); });
    } else if (role == Role::conv_bias && (value.dtype() != DType::f32 || s.numel() % 8 != 0)) {
        arranged(Prepared::Format::plain, {cuda::round_channels(s.numel())}, DType::f32,
                 [&](Tensor& to) { cuda::arrange_bias(ctx, value, to); });
    }
    return p;
}

}  // namespace

Prepared prepare(Context& ctx, const Stored& weight, Role role, Uses uses, const FrameConv* frame) {
    require(weight.defined() && role != Role::table, "prepare: a weight without a value, or a table");
    const Stored shaped = weight.reshape(shape_for(role, weight.shape()));
    return ctx.target() == Device::cpu ? prepare_for_cpu(ctx, shaped, role, uses, frame)
                                       : prepare_for_gpu(ctx, shaped, role);
}

}  // namespace t3video::ops
