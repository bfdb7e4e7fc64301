// Runs an op on the GPU and on the CPU, whose arithmetic has its own tests against double, and compares.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>

#include "cuda/devices.h"
#include "cuda/guarded_allocator.h"
#include "ops/convert.h"
#include "ops/devices.h"
#include "support/tensors.h"

namespace t3video::testing {

// Rounding to bf16 moves a value by at most 2^-8 of itself, so it moves a tensor by at most as much of its norm.
constexpr double kRounding = 1.0 / 256;

// Of logarithms of sums of exp(score), see worst_logarithm: scores are f32 sums of up to 128 products, which matrix
// units cut off where they add them.
constexpr double kLogarithmBound = 3e-5;

// The same values on both sides: as f32 on the host, and in the asked type on the GPU.
struct Operand {
    Tensor host, device;
};

// Parametrised by the context's compute type. Skips where there is no GPU.
class OnGpu : public ::testing::TestWithParam<DType> {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
        Backend backend = cuda::make_backend(0, type(), size_t{3} << 30);
        guarded_ = std::make_shared<GuardedAllocator>(backend.allocator);
        backend.allocator = guarded_;
        gpu_.emplace(std::move(backend), 1);
    }
    void TearDown() override {
        if (!guarded_) return;
        EXPECT_EQ(guarded_->damaged(), 0) << "blocks were written outside of their bytes";
    }

    DType type() const { return GetParam(); }
    Context& gpu() { return *gpu_; }
    Context& cpu() { return cpu_; }

    // Largest relative error of a result of the compute type that was rounded once, behind f32 arithmetic: f32 sums of
    // a few thousand terms in another order differ by about 1e-6.
    double bound(DType result) const { return result == DType::bf16 ? kRounding : 1e-5; }
    double bound() const { return bound(type()); }
    // The same where values between two steps are rounded too.
    double loose_bound() const { return type() == DType::bf16 ? 1e-2 : 1e-5; }

    Operand random(Shape shape, uint32_t seed, DType dtype) { return on_both(randn(cpu_, shape, seed, dtype)); }
    Operand random(Shape shape, uint32_t seed) { return random(shape, seed, type()); }
    Operand on_both(const Tensor& x) { return {ops::convert(cpu_, x, DType::f32), to_device(gpu(), x)}; }
    // The first `count` of the numbers below `rows`, shuffled.
    Operand shuffled(int64_t rows, int64_t count) {
        std::vector<int64_t> order(static_cast<size_t>(rows));
        std::iota(order.begin(), order.end(), 0);
        std::shuffle(order.begin(), order.end(), std::mt19937(7));
        order.resize(static_cast<size_t>(count));
        return {from_span(cpu_, order), from_span(gpu(), order)};
    }
    Tensor on_host_as_f32(const Tensor& x) { return ops::convert(cpu_, to_host(gpu(), x), DType::f32); }

    // `op` on the GPU yields `expected` up to `limit` (0: exactly), in `dtype`, and the same bits when run again.
    void expect_parity(const Tensor& expected, const std::function<Tensor()>& op, DType dtype, double limit) {
        const Tensor first = to_host(gpu(), op()), second = to_host(gpu(), op());
        ASSERT_EQ(first.shape(), expected.shape());
        ASSERT_EQ(first.dtype(), dtype);
        if (first.bytes() == 0) return;
        EXPECT_EQ(std::memcmp(first.raw(), second.raw(), first.bytes()), 0) << "two runs differ";
        EXPECT_LE(relative_error(ops::convert(cpu_, first, DType::f32), expected), limit);
    }
    void expect_parity(const Tensor& expected, const std::function<Tensor()>& op) {
        expect_parity(expected, op, type(), bound());
    }

  private:
    std::shared_ptr<GuardedAllocator> guarded_;
    std::optional<Context> gpu_;
    Context cpu_{2};
};

inline std::string type_name(const ::testing::TestParamInfo<DType>& info) {
    return std::string(name_of(info.param));
}

}  // namespace t3video::testing
