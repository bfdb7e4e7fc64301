// Window attention on the GPU on windows as its plans hand them: the first branch in place, the second gathered and
// averaged, against a double loop over pairs of tokens; and what a backward needs of them.
#include "cuda/hopper/attention.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "cuda/parity.h"
#include "ops/attention.h"
#include "ops/layout.h"
#include "support/windows.h"

namespace t3video {
namespace {

using namespace testing;

// What is saved of a branch, in host memory and in the caller's order of rows.
struct SavedRows {
    Tensor output, log_sum_exp;  // f32
};

SavedRows in_callers_order(Context& gpu, const ops::AttentionSaved::Branch& saved, const ops::TokenWindows& windows) {
    Context cpu;
    const Tensor y = ops::convert(cpu, to_host(gpu, saved.output), DType::f32), l = to_host(gpu, saved.log_sum_exp);
    if (!saved.gathered()) return {y, l};
    SavedRows rows{empty_like(cpu, y), empty_like(cpu, l)};
    const int64_t n = y.dim(0), width = y.dim(1);
    for (int64_t i = 0; i < n; ++i) {
        const int64_t to = windows.order[static_cast<size_t>(i)];
        std::copy_n(y.data<float>() + i * width, width, rows.output.data<float>() + to * width);
        for (int64_t h = 0; h < l.dim(0); ++h) rows.log_sum_exp.data<float>()[h * n + to] = l.data<float>()[h * n + i];
    }
    return rows;
}

class PlannedWindowsOnGpu : public OnGpu {};

TEST_P(PlannedWindowsOnGpu, MatchDouble) {
    for (const WindowCase& c : kWindowCases) {
        SCOPED_TRACE(concat(c));
        const t3::LayoutWindows all_windows(gpu(), {c.grid, {c.counts}});
        EXPECT_TRUE(first_lies_second_is_gathered(all_windows));
        const Operand q = random(c.shape(), 1), k = random(c.shape(), 2), v = random(c.shape(), 3);
        const auto expected = plain_window_attention(c, q.host, k.host, v.host, tokens_of_rows(gpu(), all_windows));
        const auto run = [&] {
            return to_host(gpu(), ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, c.scale(),
                                                        branches_of(all_windows)));
        };
        const Tensor first = run(), second = run();
        EXPECT_EQ(std::memcmp(first.raw(), second.raw(), first.bytes()), 0) << "two runs differ";
        EXPECT_LE(relative_error(ops::convert(cpu(), first, DType::f32), expected), loose_bound());
    }
}

// Each branch's output and logarithms, under sharp softmaxes. The result is the same bits as without, but for cuDNN,
// which may choose another kernel where it is asked for statistics: that one keeps the bound on the result.
TEST_P(PlannedWindowsOnGpu, SaveWhatABackwardNeeds) {
    for (const WindowCase& c : kWindowCases) {
        SCOPED_TRACE(concat(c));
        const t3::LayoutWindows all_windows(gpu(), {c.grid, {c.counts}});
        Tensor sharp = randn(cpu(), c.shape(), 1);
        for (float& value : sharp.span<float>()) value *= 4;
        const Operand q = on_both(ops::convert(cpu(), sharp, type())), k = random(c.shape(), 2),
                      v = random(c.shape(), 3);
        const auto expected = plain_branches(c, q.host, k.host, v.host, tokens_of_rows(gpu(), all_windows));
        const auto run = [&](ops::AttentionSaved* saved) {
            return to_host(gpu(), ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, c.scale(),
                                                        branches_of(all_windows), saved));
        };
        const auto error = [&](const Tensor& x, const std::vector<double>& reference) {
            return relative_error(ops::convert(cpu(), x, DType::f32), reference);
        };
        ops::AttentionSaved saved;
        const Tensor without = run(nullptr), y = run(&saved);
        const bool own = c.width == 128 && gpu().traits().sm_90a_code;
        if (type() == DType::f32 || c.width % 8 != 0 || own) {
            EXPECT_EQ(std::memcmp(y.raw(), without.raw(), y.bytes()), 0) << "what is saved changes the result";
        }
        EXPECT_LE(error(y, mean_of(expected)), loose_bound());
        ASSERT_EQ(saved.branches.size(), all_windows.of_layer(0).size());
        for (size_t i = 0; i < saved.branches.size(); ++i) {
            SCOPED_TRACE(i);
            EXPECT_EQ(saved.branches[i].output.dtype(), type());
            const SavedRows rows = in_callers_order(gpu(), saved.branches[i], all_windows.of_layer(0).at(i));
            EXPECT_LE(error(rows.output, expected[i].output), loose_bound());
            EXPECT_LE(worst_logarithm(rows.log_sum_exp, expected[i].log_sum_exp), kLogarithmBound);
        }
    }
}

// The same with windows that are not in order in either branch and whose order no one has uploaded.
TEST_P(PlannedWindowsOnGpu, SaveWhereBothBranchesAreGathered) {
    for (const WindowCase& c : kWindowCases) {
        SCOPED_TRACE(concat(c));
        const t3::LayerWindows windows = t3::layer_windows(c.grid, c.counts);
        std::vector<const ops::TokenWindows*> branches;
        for (const ops::TokenWindows& branch : windows) branches.push_back(&branch);
        const Operand q = random(c.shape(), 1), k = random(c.shape(), 2), v = random(c.shape(), 3);
        std::vector<int64_t> tokens(static_cast<size_t>(c.grid.tokens()));
        std::iota(tokens.begin(), tokens.end(), 0);
        const auto expected = plain_branches(c, q.host, k.host, v.host, tokens);
        ops::AttentionSaved saved;
        const Tensor y =
            ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, c.scale(), branches, &saved);
        EXPECT_LE(relative_error(on_host_as_f32(y), mean_of(expected)), loose_bound());
        ASSERT_EQ(saved.branches.size(), branches.size());
        for (size_t i = 0; i < saved.branches.size(); ++i) {
            SCOPED_TRACE(i);
            const SavedRows rows = in_callers_order(gpu(), saved.branches[i], *branches[i]);
            EXPECT_LE(relative_error(rows.output, expected[i].output), loose_bound());
            EXPECT_LE(worst_logarithm(rows.log_sum_exp, expected[i].log_sum_exp), kLogarithmBound);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, PlannedWindowsOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

// Heads of 128 in bf16 go through Hopper's own kernel: the op's bits are its.
class HopperWindowsOnGpu : public OnGpu {};

TEST_P(HopperWindowsOnGpu, SameBitsAsTheKernel) {
    if (!gpu().traits().sm_90a_code) GTEST_SKIP() << "no GPU of compute capability 9.0";
    const WindowCase c{{3, 16, 24}, {1, 2, 3}, 2, 128};  // of more tokens than the kernel for small ones takes
    const t3::LayoutWindows all_windows(gpu(), {c.grid, {c.counts}});
    const Operand q = random(c.shape(), 1), k = random(c.shape(), 2), v = random(c.shape(), 3);
    const Tensor y =
        ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, c.scale(), branches_of(all_windows));

    const ops::TokenWindows& second = all_windows.of_layer(0).at(1);
    const int64_t windows = static_cast<int64_t>(second.starts.size()) - 1;
    const cuda::WindowRun run{windows, c.grid.tokens() / windows};
    cuda::HopperAttention problem{.runs = {&run, 1}, .heads = c.heads, .scale = c.scale()};
    Tensor direct = empty(gpu(), c.shape(), type());
    cuda::hopper_attention(gpu(), problem, q.device.raw(), k.device.raw(), v.device.raw(), direct.raw());
    const auto gathered = [&](const Operand& x) {
        return ops::convert(gpu(), ops::gather_rows(gpu(), x.device, second.order), type());  // it gives f32
    };
    const Tensor qs = gathered(q), ks = gathered(k), vs = gathered(v);
    problem.order = reinterpret_cast<const int64_t*>(second.device_order.raw());
    problem.average = true;
    cuda::hopper_attention(gpu(), problem, qs.raw(), ks.raw(), vs.raw(), direct.raw());

    const Tensor by_op = to_host(gpu(), y), by_kernel = to_host(gpu(), direct);
    EXPECT_EQ(std::memcmp(by_op.raw(), by_kernel.raw(), by_op.bytes()), 0);
}

// Results may go to other rows: those of both branches, and of one alone.
TEST_P(HopperWindowsOnGpu, PlaceTheirResults) {
    if (!gpu().traits().sm_90a_code) GTEST_SKIP() << "no GPU of compute capability 9.0";
    for (const WindowCase& c : {WindowCase{{3, 16, 24}, {1, 2, 3}, 2, 128}, WindowCase{{2, 12, 16}, {2, 1, 1}, 3, 128},
                                WindowCase{{5, 23, 31}, {1, 2, 3}, 1, 128}}) {
        SCOPED_TRACE(concat(c));
        const t3::LayoutWindows all_windows(gpu(), {c.grid, {c.counts}});
        const auto branches = branches_of(all_windows);
        const Operand q = random(c.shape(), 1), k = random(c.shape(), 2), v = random(c.shape(), 3),
                      places = shuffled(c.shape()[0], c.shape()[0]);
        ASSERT_TRUE(ops::places_results(gpu(), q.device, c.heads, branches));
        const auto run = [&](const Tensor* to) {
            return to_host(gpu(), ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, c.scale(),
                                                        branches, nullptr, to));
        };
        const Tensor plain = run(nullptr), placed = run(&places.device);
        const size_t bytes = plain.bytes() / static_cast<size_t>(c.shape()[0]);
        for (int64_t i = 0; i < c.shape()[0]; ++i) {
            const auto row = [&](const Tensor& x, int64_t at) { return x.slice(at, at + 1).raw(); };
            ASSERT_EQ(std::memcmp(row(plain, i), row(placed, places.host.span<int64_t>()[size_t(i)]), bytes), 0) << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, HopperWindowsOnGpu, ::testing::Values(DType::bf16), type_name);

}  // namespace
}  // namespace t3video
