// Stored weights.
#include "tensor/stored.h"

#include <algorithm>
#include <utility>

namespace t3video {

Stored::Stored(Tensor numbers) : numbers_(std::move(numbers)) {}

Stored::Stored(Shape shape, std::shared_ptr<const Encoding> encoding) : shape_(shape), encoding_(std::move(encoding)) {
    require(encoding_ != nullptr, "weight: no encoding");
}

std::string Stored::type_name() const {
    return encoding_ ? encoding_->name() : std::string(name_of(numbers_.dtype()));
}

const Tensor& Stored::numbers() const {
    require(!encoding_, "weight: it is encoded as ", encoding_ ? encoding_->name() : "", ", asked for its numbers");
    return numbers_;
}

Stored Stored::reshape(Shape shape) const {
    if (!encoding_) return numbers_.reshape(shape);
    require(shape.numel() == numel(), "reshape: ", shape_, " to ", shape);
    return {shape, encoding_};
}

Tensor decoded(const Stored& x) {
    if (x.encoding()) {
        Tensor y = empty_on_host(x.shape());
        x.encoding()->decode(0, x.numel(), y.data<float>());
        return y;
    }
    const Tensor& numbers = x.numbers();
    if (numbers.dtype() == DType::f32) return numbers;
    Tensor y = empty_on_host(numbers.shape());
    visit_float(numbers.dtype(), [&]<class T>() {
        std::ranges::transform(numbers.span<T>(), y.data<float>(), [](T value) { return static_cast<float>(value); });
    });
    return y;
}

}  // namespace t3video
