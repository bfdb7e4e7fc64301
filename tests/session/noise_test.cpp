// The noise of a seed.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/random.h"
#include "session/denoise.h"

namespace t3video::session {
namespace {

TEST(Noise, IsThatOfTheGenerators) {
    Context ctx;
    const Shape shape{16, 2, 4, 6};
    std::vector<float> expected(static_cast<size_t>(shape.numel()));
    const auto same = [&](const Tensor& x) { return std::ranges::equal(x.span<float>(), expected); };
    fill_normal_cpu(expected, 42);
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, film::NoiseSource::cpu, 132)));
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, film::NoiseSource::cpu, 1))) << "the CPU has no multiprocessors";
    EXPECT_FALSE(same(make_noise(ctx, shape, 43, film::NoiseSource::cpu, 132)));
    fill_normal_cuda(expected, 42, 132, 1);
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, film::NoiseSource::cuda, 132)));
    EXPECT_FALSE(same(make_noise(ctx, shape, 43, film::NoiseSource::cuda, 132)));
    fill_normal_cuda(expected, 42, 132, 1, 2);
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, film::NoiseSource::cuda, 132, 2)));
    fill_normal_cpu(expected, 42, 2);
    EXPECT_TRUE(same(make_noise(ctx, shape, 42, film::NoiseSource::cpu, 132, 2)));
    EXPECT_NEAR(make_noise(ctx, {16}, 0, film::NoiseSource::cpu, 132).data<float>()[0], -1.1258f, 1e-4);
}

}  // namespace
}  // namespace t3video::session
