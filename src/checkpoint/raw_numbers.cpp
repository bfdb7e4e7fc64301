// Conversion of a run at a time, which is copied to where its type may lie.
#include "checkpoint/raw_numbers.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/error.h"

namespace t3video::checkpoint {
namespace {

template <class T>
void convert(const std::byte* stored, int64_t count, float* values) {
    std::array<T, 1024> run;  // stays in the cache
    for (int64_t done = 0; done < count;) {
        const int64_t n = std::min<int64_t>(static_cast<int64_t>(run.size()), count - done);
        std::memcpy(run.data(), stored + static_cast<size_t>(done) * sizeof(T), static_cast<size_t>(n) * sizeof(T));
        std::transform(run.data(), run.data() + n, values + done, [](T value) { return static_cast<float>(value); });
        done += n;
    }
}

class RawNumbers : public Encoding {
  public:
    RawNumbers(DType dtype, std::span<const std::byte> bytes, std::shared_ptr<const void> owner)
        : dtype_(dtype), bytes_(bytes), owner_(std::move(owner)) {}

    std::string name() const override { return std::string(name_of(dtype_)); }
    size_t bytes() const override { return bytes_.size(); }
    int64_t group() const override { return 1; }
    void decode(int64_t first, int64_t count, float* values) const override {
        const std::byte* const stored = bytes_.data() + static_cast<size_t>(first) * size_of(dtype_);
        if (dtype_ == DType::f64) return convert<double>(stored, count, values);
        visit_float(dtype_, [&]<class T>() { convert<T>(stored, count, values); });
    }

  private:
    DType dtype_;
    std::span<const std::byte> bytes_;
    std::shared_ptr<const void> owner_;
};

}  // namespace

Stored raw_numbers(DType dtype, const Shape& shape, std::span<const std::byte> bytes,
                   std::shared_ptr<const void> owner) {
    require(bytes.size() == static_cast<size_t>(shape.numel()) * size_of(dtype), dtype, ": ", shape, " in ",
            bytes.size(), " bytes");
    return {shape, std::make_shared<RawNumbers>(dtype, bytes, std::move(owner))};
}

}  // namespace t3video::checkpoint
