// Uploads from memory that is not pinned: every size around the chunks of the ring and beyond it, one behind another.
#include "cuda/staging.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "cuda/devices.h"
#include "ops/devices.h"
#include "tensor/tensor.h"

namespace t3video::cuda {
namespace {

constexpr size_t kRing = Staging::kChunks * Staging::kChunkBytes, kDirect = size_t{64} << 10;

std::vector<uint8_t> numbers(size_t count, uint64_t seed) {
    std::vector<uint8_t> all(count);
    for (uint8_t& value : all) {
        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        value = static_cast<uint8_t>(seed >> 56);
    }
    return all;
}

TEST(Staging, UploadsOfAnySize) {
    if (ops::gpus().empty()) GTEST_SKIP() << "no GPU";
    Context ctx(make_backend(0, DType::bf16, size_t{3} << 30), 1);
    Allocator& allocator = ctx.allocator();
    allocator.reserve(allocator.limit());
    const size_t mapped = allocator.requests();
    const size_t sizes[] = {
        1,     kDirect,   kDirect + 1,        Staging::kChunkBytes - 1, Staging::kChunkBytes, Staging::kChunkBytes + 3,
        kRing, kRing + 1, 3 * kRing + 1234567};
    std::vector<Tensor> uploaded;
    for (size_t i = 0; i < std::size(sizes); ++i) {
        std::vector<uint8_t> from = numbers(sizes[i] + 1, i);  // from an odd address
        Tensor& to = uploaded.emplace_back(empty(ctx, {static_cast<int64_t>(sizes[i])}, DType::u8));
        allocator.copy(to.raw(), reinterpret_cast<const std::byte*>(from.data()) + 1, sizes[i], Transfer::upload);
        std::ranges::fill(from, uint8_t{0});  // what is uploaded has been read
        EXPECT_EQ(allocator.requests(), mapped + (sizes[i] > kDirect)) << "pinned once, by the first that needs it";
    }
    for (size_t i = 0; i < std::size(sizes); ++i) {
        const Tensor back = to_host(ctx, uploaded[i]);
        EXPECT_EQ(std::memcmp(back.raw(), numbers(sizes[i] + 1, i).data() + 1, sizes[i]), 0) << sizes[i] << " bytes";
    }
}

}  // namespace
}  // namespace t3video::cuda
