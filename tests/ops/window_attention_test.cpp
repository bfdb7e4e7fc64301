// Window attention on windows as a plan hands them, in the order of tokens (the CPU's plans) and of the first branch's
// windows (a GPU's), against a double loop over pairs of tokens.
#include <gtest/gtest.h>

#include "ops/attention.h"
#include "support/tensors.h"
#include "support/windows.h"

namespace t3video {
namespace {

using namespace testing;

class PlannedWindows : public ::testing::TestWithParam<WindowCase> {
  protected:
    void compare(Context& ctx, bool in_windows_order) {
        const WindowCase& c = GetParam();
        const t3::WindowPlan plan(ctx, {c.grid, {c.counts}});
        const std::vector<int64_t> tokens = tokens_of_rows(ctx, plan);
        EXPECT_TRUE(!in_windows_order || first_lies_second_is_gathered(plan));
        const Tensor q = randn(ctx, c.shape(), 1), k = randn(ctx, c.shape(), 2), v = randn(ctx, c.shape(), 3);
        const Tensor y = ops::window_attention(ctx, q, k, v, c.heads, c.scale(), branches_of(plan));
        EXPECT_LT(relative_error(y, plain_window_attention(c, q, k, v, tokens)), 2e-6);
    }
};

TEST_P(PlannedWindows, RowsAreTokens) {
    Context ctx(2);
    compare(ctx, false);
}

// The CPU computes what a plan meant for a GPU asks for.
TEST_P(PlannedWindows, RowsInTheOrderOfTheFirstBranch) {
    Context ctx({Device::cpu, DType::f32, make_cpu_allocator(), nullptr, Device::cuda}, 2);
    compare(ctx, true);
}

INSTANTIATE_TEST_SUITE_P(Cases, PlannedWindows, ::testing::ValuesIn(kWindowCases));

}  // namespace
}  // namespace t3video
