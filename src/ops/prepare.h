// From what a file holds of a weight to what ops read of it: the only place where the one becomes the other.
#pragma once

#include "tensor/op_types.h"
#include "tensor/prepared.h"

namespace t3video::ops {

enum class Uses { few, many };

// The weight, decoded and converted, where the context computes and in the form that ops of its role read (the formats
// of tensor/prepared.h). On the CPU that is f32, matrices of many uses packed, with the same results bit for bit; only
// biases, scales and tables stay as stored. On a GPU it is the context's compute type, f32 for scales; what lies there
// already keeps its type. `frame`: what a convolution on the CPU is about to be used for, where that is known: its taps
// are laid out to suit it.
Prepared prepare(Context& ctx, const Stored& weight, Role role, Uses uses = Uses::few,
                 const FrameConv* frame = nullptr);

// A weight as an op takes it: prepared, or as stored, to be prepared for that call alone. Refers to the former.
class Weight {
  public:
    Weight(const Prepared& prepared) : prepared_(&prepared) {}  // NOLINT(google-explicit-constructor)
    Weight(Stored stored) : stored_(std::move(stored)) {}       // NOLINT(google-explicit-constructor)
    Weight(const Tensor& numbers) : Weight(Stored(numbers)) {}  // NOLINT(google-explicit-constructor)

    const Shape& shape() const { return prepared_ ? prepared_->shape : stored_.shape(); }
    Prepared prepared(Context& ctx, Role role, const FrameConv* frame = nullptr) const {
        return prepared_ ? *prepared_ : prepare(ctx, stored_, role, Uses::few, frame);
    }

  private:
    const Prepared* prepared_ = nullptr;
    Stored stored_;
};

}  // namespace t3video::ops
