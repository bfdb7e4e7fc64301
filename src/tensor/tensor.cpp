// Tensor: views and creation.
#include "tensor/tensor.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace t3video {

Tensor::Tensor(Shape shape, DType dtype, std::shared_ptr<Storage> storage, size_t byte_offset)
    : shape_(shape), dtype_(dtype), storage_(std::move(storage)), byte_offset_(byte_offset) {
    require(storage_ != nullptr, "tensor: no storage");
    require(byte_offset_ <= storage_->bytes() && bytes() <= storage_->bytes() - byte_offset_, "tensor: ", shape_,
            " of ", dtype_, " at byte ", byte_offset_, " exceeds a storage of ", storage_->bytes(), " bytes");
}

const std::byte* Tensor::raw() const {
    require(defined(), "tensor: undefined");
    return std::as_const(*storage_).data() + byte_offset_;
}

void Tensor::check_access(DType asked) const {
    require(asked == dtype_, "tensor holds ", dtype_, ", asked for ", asked);
    require(device() == Device::cpu, "tensor: its elements are not in host memory");
}

std::byte* Tensor::raw() {
    require(defined(), "tensor: undefined");
    require(storage_->writable(), "tensor: its storage is read-only");
    return storage_->data() + byte_offset_;
}

Tensor Tensor::reshape(Shape shape) const {
    require(shape.numel() == numel(), "reshape: ", shape_, " to ", shape);
    Tensor view = *this;
    view.shape_ = shape;
    return view;
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
    require(rank() >= 1 && 0 <= begin && begin <= end && end <= dim(0), "slice: rows [", begin, ", ", end, ") of ",
            shape_);
    Tensor view = *this;
    const int64_t row = dim(0) == 0 ? 0 : numel() / dim(0);
    view.shape_.set_dim(0, end - begin);
    view.byte_offset_ += static_cast<size_t>(begin * row) * size_of(dtype_);
    return view;
}

Tensor empty(Context& ctx, Shape shape, DType dtype) {
    const size_t bytes = static_cast<size_t>(shape.numel()) * size_of(dtype);
    return {shape, dtype, ctx.allocator().allocate(bytes)};
}

Tensor empty_on_host(Shape shape, DType dtype) {
    const size_t bytes = static_cast<size_t>(shape.numel()) * size_of(dtype);
    return {shape, dtype, make_cpu_allocator()->allocate(bytes)};
}

Tensor unbacked(Shape shape, DType dtype) {
    const size_t bytes = static_cast<size_t>(shape.numel()) * size_of(dtype);
    return {shape, dtype, std::make_shared<Storage>(nullptr, bytes, nullptr, false)};
}

Tensor zeros(Context& ctx, Shape shape, DType dtype) {
    Tensor x = empty(ctx, shape, dtype);
    fill_zero(ctx, x);
    return x;
}

Tensor empty_like(Context& ctx, const Tensor& x) {
    return empty(ctx, x.shape(), x.dtype());
}

Tensor clone(Context& ctx, const Tensor& x) {
    Tensor y = empty_like(ctx, x);
    copy_into(ctx, y, x);
    return y;
}

Tensor from_span(Context& ctx, std::span<const float> values, Shape shape) {
    require(static_cast<int64_t>(values.size()) == shape.numel(), "from_span: ", values.size(), " values for ", shape);
    Tensor x = empty(ctx, shape);
    const auto bytes = std::as_bytes(values);
    if (!bytes.empty()) ctx.allocator().copy(x.raw(), bytes.data(), bytes.size(), Transfer::upload);
    return x;
}

Tensor from_span(Context& ctx, std::span<const int64_t> values) {
    Tensor x = empty(ctx, {static_cast<int64_t>(values.size())}, DType::i64);
    const auto bytes = std::as_bytes(values);
    if (!bytes.empty()) ctx.allocator().copy(x.raw(), bytes.data(), bytes.size(), Transfer::upload);
    return x;
}

Tensor computed(Context& ctx, Shape shape, const std::function<void(std::span<float>)>& fill) {
    if (ctx.device() == Device::meta) return empty(ctx, shape);
    std::vector<float> values(static_cast<size_t>(shape.numel()));
    fill(values);
    return from_span(ctx, values, shape);
}

Tensor to_device(Context& ctx, const Tensor& x) {
    if (x.device() == ctx.device()) return x;
    require(x.device() == Device::cpu, "to_device: the tensor belongs to another device");
    Tensor y = empty_like(ctx, x);
    if (x.bytes() > 0) ctx.allocator().copy(y.raw(), x.raw(), x.bytes(), Transfer::upload);
    return y;
}

Tensor to_host(Context& ctx, const Tensor& x) {
    if (x.device() == Device::cpu) return x;
    require(x.device() == ctx.device(), "to_host: the tensor belongs to another device");
    Tensor y = empty_on_host(x.shape(), x.dtype());
    if (x.bytes() > 0) ctx.allocator().copy(y.raw(), x.raw(), x.bytes(), Transfer::download);
    return y;
}

void fill_zero(Context& ctx, Tensor& x) {
    if (x.bytes() > 0) ctx.allocator().zero(x.raw(), x.bytes());
}

void copy_into(Context& ctx, Tensor& y, const Tensor& x) {
    require(x.dtype() == y.dtype() && x.numel() == y.numel() && x.device() == y.device(), "copy_into: ", x.shape(),
            " of ", x.dtype(), " into ", y.shape(), " of ", y.dtype());
    if (x.bytes() > 0) ctx.allocator().copy(y.raw(), x.raw(), x.bytes(), Transfer::within);
    ctx.count({.bytes = 2.0 * static_cast<double>(x.bytes())});
}

}  // namespace t3video
