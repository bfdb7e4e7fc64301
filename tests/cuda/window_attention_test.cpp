// Window attention on the GPU on windows as its plans hand them: the first branch in place, the second gathered and
// averaged, against a double loop over pairs of tokens.
#include "cuda/hopper/attention.h"
#include "cuda/parity.h"
#include "ops/attention.h"
#include "ops/layout.h"
#include "support/windows.h"

namespace t3video {
namespace {

using namespace testing;

class PlannedWindowsOnGpu : public OnGpu {};

TEST_P(PlannedWindowsOnGpu, MatchDouble) {
    for (const WindowCase& c : kWindowCases) {
        SCOPED_TRACE(concat(c));
        const t3::WindowPlan plan(gpu(), {c.grid, {c.counts}});
        EXPECT_TRUE(first_lies_second_is_gathered(plan));
        const Operand q = random(c.shape(), 1), k = random(c.shape(), 2), v = random(c.shape(), 3);
        const auto expected = plain_window_attention(c, q.host, k.host, v.host, tokens_of_rows(gpu(), plan));
        const auto run = [&] {
            return to_host(gpu(), ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, c.scale(),
                                                        branches_of(plan)));
        };
        const Tensor first = run(), second = run();
        EXPECT_EQ(std::memcmp(first.raw(), second.raw(), first.bytes()), 0) << "two runs differ";
        EXPECT_LE(relative_error(ops::convert(cpu(), first, DType::f32), expected), loose_bound());
    }
}

INSTANTIATE_TEST_SUITE_P(Types, PlannedWindowsOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

// Heads of 128 in bf16 go through Hopper's own kernel: the op's bits are its.
class HopperWindowsOnGpu : public OnGpu {};

TEST_P(HopperWindowsOnGpu, SameBitsAsTheKernel) {
    if (!gpu().traits().sm_90a_code) GTEST_SKIP() << "no GPU of compute capability 9.0";
    const WindowCase c{{3, 8, 12}, {1, 2, 3}, 2, 128};
    const t3::WindowPlan plan(gpu(), {c.grid, {c.counts}});
    const Operand q = random(c.shape(), 1), k = random(c.shape(), 2), v = random(c.shape(), 3);
    const Tensor y = ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, c.scale(), branches_of(plan));

    const ops::TokenWindows& second = plan.of_layer(0).at(1);
    const int64_t windows = static_cast<int64_t>(second.starts.size()) - 1;
    cuda::HopperAttention problem{
        .windows = windows, .tokens = c.grid.tokens() / windows, .heads = c.heads, .scale = c.scale()};
    Tensor direct = empty(gpu(), c.shape(), type());
    cuda::hopper_attention(gpu(), problem, q.device.raw(), k.device.raw(), v.device.raw(), direct.raw());
    const auto gathered = [&](const Operand& x) {
        return ops::convert(gpu(), ops::gather_rows(gpu(), x.device, second.order), type());  // it gives f32
    };
    const Tensor qs = gathered(q), ks = gathered(k), vs = gathered(v);
    problem.order = reinterpret_cast<const int64_t*>(second.placed.raw());
    problem.average = true;
    cuda::hopper_attention(gpu(), problem, qs.raw(), ks.raw(), vs.raw(), direct.raw());

    const Tensor by_op = to_host(gpu(), y), by_kernel = to_host(gpu(), direct);
    EXPECT_EQ(std::memcmp(by_op.raw(), by_kernel.raw(), by_op.bytes()), 0);
}

INSTANTIATE_TEST_SUITE_P(Types, HopperWindowsOnGpu, ::testing::Values(DType::bf16), type_name);

}  // namespace
}  // namespace t3video
