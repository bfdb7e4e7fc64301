// What cannot be computed on, and what does not fit, is the user's to mend: one line that says what would do.
#include "cuda/devices.h"

#include <gtest/gtest.h>

#include "ops/devices.h"
#include "support/errors.h"
#include "tensor/tensor.h"

namespace t3video::cuda {
namespace {

using t3video::testing::expect_invalid;

TEST(Devices, CardsThatAreTooOld) {
    expect_invalid([] { require_recent("Tesla V100", 7, 0); },
                   {"device cuda: Tesla V100 has compute capability 7.0", "8.0 (Ampere)", "device cpu"});
    expect_invalid([] { require_recent("NVIDIA T4", 7, 5); }, {"7.5", "8.0"});
    require_recent("NVIDIA A100", 8, 0);
    require_recent("NVIDIA H200", 9, 0);
    require_recent("NVIDIA B200", 10, 0);
}

TEST(Devices, CardsThatTheProgramWasNotBuiltFor) {
    expect_invalid([] { require_code("NVIDIA L4", 8, 9, false); },
                   {"NVIDIA L4 has compute capability 8.9", "-DCMAKE_CUDA_ARCHITECTURES=89", "device cpu"});
    require_code("NVIDIA H200", 9, 0, true);
}

TEST(Devices, CardsThatAreNotThere) {
    expect_invalid([] { require_there(9, 2); }, {"device cuda:9: this machine has 2 GPUs, cuda:0 to cuda:1"});
    expect_invalid([] { require_there(1, 1); }, {"device cuda:1: this machine has one GPU, cuda:0"});
    require_there(1, 2);
}

class OnACard : public ::testing::Test {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
    }
};

TEST_F(OnACard, MoreMemoryThanThereIs) {
    expect_invalid([] { make_backend(0, DType::bf16, size_t{100} << 40); }, {"memory 102400.0GiB", "GiB free"});
    expect_invalid([] { make_backend(0, DType::bf16, size_t{1} << 30); },
                   {"1.00 GiB of GPU memory", "1.25 are needed"});
}

TEST_F(OnACard, BeyondTheLast) {
    const auto count = static_cast<int>(ops::gpus().size());
    expect_invalid([&] { make_backend(count, DType::bf16, 0); }, {concat("device cuda:", count), "cuda:0"});
}

TEST_F(OnACard, TellsItsTraits) {
    const DeviceTraits listed = ops::gpus().at(0), traits = make_backend(0, DType::bf16, size_t{2} << 30).traits;
    EXPECT_EQ(traits.id, (DeviceId{Device::cuda, 0}));
    EXPECT_EQ(ops::describe(traits), ops::describe(listed));
    EXPECT_GT(traits.multiprocessors, 0);
    EXPECT_LE(ops::free_memory(listed.id).value(), traits.memory);
    EXPECT_TRUE(traits.sm_90a_code <= (traits.major == 9 && traits.minor == 0));
}

TEST_F(OnACard, PastTheLimit) {
    Context ctx(make_backend(0, DType::bf16, size_t{2} << 30), 1);
    Allocator& allocator = ctx.allocator();  // of 16 pieces of 64 MiB, the first in use
    ASSERT_EQ(allocator.limit(), size_t{1} << 30);
    const Tensor x = empty(ctx, {200 << 20}, DType::u8);
    EXPECT_EQ(allocator.requests(), 5U);
    expect_invalid([&] { empty(ctx, {900 << 20}, DType::u8); },
                   {"out of GPU memory: 900 MiB more are needed, 264 of 1024 MiB are in use", "memory"});
    expect_invalid([&] { allocator.reserve(allocator.limit() + (1 << 20)); }, {"761 MiB more", "264 of 1024"});
    EXPECT_EQ(allocator.requests(), 5U) << "what was refused left something behind";
    allocator.reserve(allocator.limit());
    EXPECT_EQ(allocator.requests(), 16U);
    const Tensor y = empty(ctx, {700 << 20}, DType::u8);
    EXPECT_EQ(allocator.requests(), 16U) << "reserved memory was asked for again";
}

}  // namespace
}  // namespace t3video::cuda
