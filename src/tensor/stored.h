// What a file holds of a weight: numbers, or a rule that gives them (tensor/encoding.h). What an op reads of it is
// another thing, made by ops::prepare.
#pragma once

#include <memory>
#include <string>

#include "tensor/encoding.h"
#include "tensor/tensor.h"

namespace t3video {

class Stored {
  public:
    Stored() = default;      // undefined
    Stored(Tensor numbers);  // NOLINT(google-explicit-constructor): most weights are numbers
    Stored(Shape shape, std::shared_ptr<const Encoding> encoding);

    bool defined() const { return encoding_ != nullptr || numbers_.defined(); }
    const Shape& shape() const { return encoding_ ? shape_ : numbers_.shape(); }
    int64_t dim(int axis) const { return shape().dim(axis); }
    int rank() const { return shape().rank(); }
    int64_t numel() const { return shape().numel(); }
    size_t bytes() const { return encoding_ ? encoding_->bytes() : numbers_.bytes(); }
    // Of these, in memory of its own rather than in a mapped file.
    size_t copied_bytes() const { return encoding_ ? encoding_->copied_bytes() : 0; }
    // The type's name, or the encoding's.
    std::string type_name() const;
    // Whether it stands for floats: an encoding does if it gives values at all.
    bool is_float() const { return encoding_ ? encoding_->has_values() : t3video::is_float(numbers_.dtype()); }

    // Null where it holds numbers.
    const std::shared_ptr<const Encoding>& encoding() const { return encoding_; }
    // Throws Error for an encoding.
    const Tensor& numbers() const;

    // The same values under another shape of equal size.
    Stored reshape(Shape shape) const;

  private:
    Tensor numbers_;
    Shape shape_;  // of an encoding
    std::shared_ptr<const Encoding> encoding_;
};

// The values, of numbers in host memory or encoded, as f32 in host memory, by one thread: for small ones. f32 is
// returned as it is.
Tensor decoded(const Stored& x);

}  // namespace t3video
