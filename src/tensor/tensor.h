// A dense, contiguous, row-major array: shape, element type, shared storage. Copies share the bytes.
#pragma once

#include <functional>
#include <memory>
#include <span>

#include "core/dtype.h"
#include "core/shape.h"
#include "tensor/context.h"
#include "tensor/storage.h"

namespace t3video {

class Tensor {
  public:
    Tensor() = default;  // undefined: no storage
    // A view of `storage` from `byte_offset`; throws Error when the shape does not fit.
    Tensor(Shape shape, DType dtype, std::shared_ptr<Storage> storage, size_t byte_offset = 0);

    bool defined() const { return storage_ != nullptr; }
    const Shape& shape() const { return shape_; }
    int64_t dim(int axis) const { return shape_.dim(axis); }
    int rank() const { return shape_.rank(); }
    int64_t numel() const { return shape_.numel(); }
    DType dtype() const { return dtype_; }
    size_t bytes() const { return static_cast<size_t>(numel()) * size_of(dtype_); }
    Device device() const { return storage_ ? storage_->device() : Device::cpu; }

    // Element access on the host checks the type, and for writing that the storage is not a mapped file.
    template <class T>
    const T* data() const {
        check_access(dtype_of<T>());
        return reinterpret_cast<const T*>(raw());
    }
    template <class T>
    T* data() {
        check_access(dtype_of<T>());
        return reinterpret_cast<T*>(raw());
    }
    template <class T>
    std::span<const T> span() const {
        return {data<T>(), static_cast<size_t>(numel())};
    }
    template <class T>
    std::span<T> span() {
        return {data<T>(), static_cast<size_t>(numel())};
    }
    // The first byte, wherever it lives.
    const std::byte* raw() const;
    std::byte* raw();

    // The same bytes under another shape of equal size.
    Tensor reshape(Shape shape) const;
    // Rows [begin, end) of the first axis, sharing the bytes.
    Tensor slice(int64_t begin, int64_t end) const;

  private:
    void check_access(DType asked) const;

    Shape shape_;
    DType dtype_ = DType::f32;
    std::shared_ptr<Storage> storage_;
    size_t byte_offset_ = 0;
};

// Fresh memory from the context's allocator; `empty` leaves it uninitialised.
Tensor empty(Context& ctx, Shape shape, DType dtype = DType::f32);
Tensor empty_on_host(Shape shape, DType dtype = DType::f32);
// In host memory by its device, with no bytes behind it: a weight for meta runs.
Tensor unbacked(Shape shape, DType dtype);
Tensor zeros(Context& ctx, Shape shape, DType dtype = DType::f32);
Tensor empty_like(Context& ctx, const Tensor& x);
Tensor clone(Context& ctx, const Tensor& x);
Tensor from_span(Context& ctx, std::span<const float> values, Shape shape);
Tensor from_span(Context& ctx, std::span<const int64_t> values);
// What `fill` writes in host memory; it is not called where nothing is computed.
Tensor computed(Context& ctx, Shape shape, const std::function<void(std::span<float>)>& fill);

// x where the context computes, or in host memory: x itself when it is there. Host tensors of a meta run hold nothing
// of use.
Tensor to_device(Context& ctx, const Tensor& x);
Tensor to_host(Context& ctx, const Tensor& x);
void fill_zero(Context& ctx, Tensor& x);
// Copies x, of the same type and number of elements, into y on the same device.
void copy_into(Context& ctx, Tensor& y, const Tensor& x);

}  // namespace t3video
