// A block's token-wise layers run over slices of the tokens; the seams must not show.
#include "models/wan_dit/block.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

#include "nn/rope.h"
#include "nn/slices.h"
#include "ops/layout.h"
#include "support/tensors.h"

namespace t3video::models {
namespace {

using testing::randn;

TEST(Block, SlicesOfManyTokensEqualEachToken) {
    Context ctx;
    DitConfig config;
    config.dim = 12;
    config.heads = 1;
    config.ffn_dim = 5;
    Block block(config);
    uint32_t seed = 1;
    block.for_each_param("",
                         [&](const std::string&, nn::Param& param) { param.value = randn(ctx, param.shape, seed++); });
    const Tensor embedded = randn(ctx, {3, 12}, 90), modulation = randn(ctx, {2, 72}, 91);
    const TextKeys text = block.cross_attn.keys(ctx, embedded, {{3, 4}});
    // Every token is a window of its own, so that its position does not matter. Those before `clean` use set 0.
    const auto run = [&](Tensor x, int64_t clean) {
        const Grid grid{1, 1, x.dim(0)};
        const auto rope = nn::make_rope_table(ctx, grid, 12);
        const auto windows = t3::layer_windows(grid, {1, 1, x.dim(0)});
        block.forward(ctx, x, {modulation, clean, rope, windows, nullptr, text});
        return x;
    };
    const int64_t slice = nn::slice_rows(ctx), clean = slice + 5, tokens = 2 * slice + 16;
    const Tensor x = randn(ctx, {tokens, 12}, 9), y = run(clone(ctx, x), clean);
    for (const int64_t row : {int64_t{0}, slice - 1, slice, clean - 1, clean, 2 * slice - 1, 2 * slice, tokens - 1}) {
        const Tensor alone = run(clone(ctx, x.slice(row, row + 1)), row < clean ? 1 : 0);
        EXPECT_LT(testing::relative_error(y.slice(row, row + 1), alone), 1e-5) << row;
    }
}

// Samples one behind another, over seams of slices that fall within them and in an order of rows that is each one's
// own: forward and backward give what each sample gives alone, and the gradients of what they share add up.
TEST(Block, SamplesOneBehindAnotherAreEachAsIfAlone) {
    Context ctx;
    DitConfig config;
    config.dim = 12;
    config.heads = 1;
    config.ffn_dim = 5;
    Block block(config);
    uint32_t seed = 1;
    block.for_each_param("", [&](const std::string&, nn::Param& param) {
        param.value = randn(ctx, param.shape, seed++);
        nn::make_trainable(ctx, param);
    });
    constexpr int64_t kSamples = 3;
    const Grid grid{2, 59, 49};
    const int64_t period = grid.tokens(), clean = grid.h * grid.w;
    ASSERT_GT(kSamples * period, 2 * nn::slice_rows(ctx));
    ASSERT_NE(nn::slice_rows(ctx) % period, 0);
    const std::vector<PromptRows> prompts{{3, 4}, {1, 1}, {5, 2}};
    const Tensor embedded = randn(ctx, {9, 12}, 90), modulation = randn(ctx, {2 * kSamples, 72}, 91),
                 x = randn(ctx, {kSamples * period, 12}, 92), dy = randn(ctx, x.shape(), 93);
    struct Result {
        Tensor y, dx, dmodulation, dk, dv;
        std::vector<Tensor> parameters;
    };
    const auto run = [&](int64_t first, int64_t count) {
        const auto samples = [&](const Tensor& all, int64_t each) {
            return all.slice(first * each, (first + count) * each);
        };
        const std::vector<PromptRows> some(prompts.begin() + first, prompts.begin() + first + count);
        const auto rows_before = [&](int64_t n) {
            int64_t rows = 0;
            for (int64_t i = 0; i < n; ++i) rows += prompts[static_cast<size_t>(i)].rows;
            return rows;
        };
        const TextKeys text =
            block.cross_attn.keys(ctx, embedded.slice(rows_before(first), rows_before(first + count)), some);
        ops::RopeTable rope = nn::make_rope_table(ctx, grid, 12);
        rope.samples = count;
        const t3::LayoutWindows windows(ctx, {grid, {{1, 30, 7}}}, t3::RowOrder::windows, count);
        const BlockInput in{samples(modulation, 2), {clean, count, period}, rope,
                            windows.of_layer(0),    windows.row_order(0),   text};
        Result result{.y = clone(ctx, samples(x, period)), .dx = clone(ctx, samples(dy, period))};
        block.forward(ctx, result.y, in);
        BlockGradients d{zeros(ctx, {12 * count, 12}), {zeros(ctx, text.k.shape()), zeros(ctx, text.v.shape()), some}};
        block.for_each_param("", [&](const std::string&, nn::Param& param) { fill_zero(ctx, param.grad); });
        block.backward(ctx, samples(x, period), result.dx, in, d, true);
        result.dmodulation = d.modulation;
        result.dk = d.text.k;
        result.dv = d.text.v;
        block.for_each_param(
            "", [&](const std::string&, nn::Param& param) { result.parameters.push_back(clone(ctx, param.grad)); });
        return result;
    };
    const Result together = run(0, kSamples);
    std::vector<std::vector<double>> sums;
    for (const Tensor& gradient : together.parameters) sums.emplace_back(static_cast<size_t>(gradient.numel()));
    int64_t row = 0;
    for (int64_t i = 0; i < kSamples; ++i) {
        SCOPED_TRACE(i);
        const Result alone = run(i, 1);
        EXPECT_LT(testing::relative_error(together.y.slice(i * period, (i + 1) * period), alone.y), 1e-5);
        EXPECT_LT(testing::relative_error(together.dx.slice(i * period, (i + 1) * period), alone.dx), 1e-5);
        const int64_t rows = prompts[static_cast<size_t>(i)].rows;
        EXPECT_LT(testing::relative_error(together.dk.slice(row, row + rows), alone.dk), 1e-5);
        EXPECT_LT(testing::relative_error(together.dv.slice(row, row + rows), alone.dv), 1e-5);
        row += rows;
        for (int64_t part = 0; part < 6; ++part) {  // of all sets' rows of one kind those of the sample
            const int64_t at = part * 2 * kSamples + 2 * i;
            EXPECT_LT(testing::relative_error(together.dmodulation.slice(at, at + 2),
                                              alone.dmodulation.slice(2 * part, 2 * part + 2)),
                      1e-5)
                << part;
        }
        for (size_t p = 0; p < sums.size(); ++p) {
            for (size_t k = 0; k < sums[p].size(); ++k) sums[p][k] += alone.parameters[p].span<float>()[k];
        }
    }
    for (size_t p = 0; p < sums.size(); ++p)
        EXPECT_LT(testing::relative_error(together.parameters[p], sums[p]), 2e-5) << p;
}

// Rows of a stream whose first frame has a timestep of its own, over windows that cut every axis.
class BlockRows : public ::testing::Test {
  protected:
    BlockRows() {
        uint32_t seed = 1;
        block_.for_each_param(
            "", [&](const std::string&, nn::Param& param) { param.value = randn(ctx_, param.shape, seed++); });
        text_ = block_.cross_attn.keys(ctx_, randn(ctx_, {3, 24}, 90), {{3, 4}});
    }

    static DitConfig config() {
        DitConfig c;
        c.dim = 24;
        c.heads = 2;
        c.ffn_dim = 10;
        return c;
    }
    BlockInput input(const t3::LayoutWindows& all_windows) const {
        return {modulation_, grid_.h * grid_.w, rope_, all_windows.of_layer(0), all_windows.row_order(0), text_};
    }

    Context ctx_;
    // Of as many tokens as products take at a time: the last rows of another number come from another kernel, and which
    // rows are last depends on their order.
    const Grid grid_{2, 6, 8};
    const t3::WindowLayout layout_{grid_, {{1, 4, 3}}};
    Block block_{config()};
    TextKeys text_;
    const Tensor modulation_ = randn(ctx_, {2, 6 * 24}, 91), x_ = randn(ctx_, {2 * 6 * 8, 24}, 92);
    const ops::RopeTable rope_ = nn::make_rope_table(ctx_, grid_, 12);
};

TEST_F(BlockRows, InTheWindowsOrderGiveTheSameBits) {
    const auto run = [&](t3::RowOrder order) {
        const t3::LayoutWindows all_windows(ctx_, layout_, order);
        EXPECT_EQ(all_windows.row_order(0) != nullptr, order == t3::RowOrder::windows);
        Tensor x = clone(ctx_, x_);
        block_.forward(ctx_, x, input(all_windows));
        return x;
    };
    const Tensor tokens = run(t3::RowOrder::tokens), windows = run(t3::RowOrder::windows);
    EXPECT_TRUE(std::ranges::equal(tokens.span<float>(), windows.span<float>()));
}

// What is kept of a stream and given to a phase later: copies of its rows, wherever they lay.
TEST_F(BlockRows, CopiedGiveWhatTheyGiveInPlace) {
    const t3::LayoutWindows all_windows(ctx_, layout_, t3::RowOrder::windows);
    const BlockInput in = input(all_windows);
    const Modulation m = block_.modulation_of(ctx_, in);
    const int64_t first = 11, last = 60, n = last - first;
    const Tensor tokens = in.order->slice(first, last), attended = randn(ctx_, {n, 24}, 93);
    const Tensor copies = ops::gather_rows(ctx_, x_, tokens.span<int64_t>());
    const auto run = [&](ops::Rows rows) {
        auto inputs = block_.self_attn.make_inputs(ctx_, grid_.tokens(), DType::f32);
        block_.before_attention(ctx_, rows, first, m, in, inputs);
        block_.after_attention(ctx_, rows, attended, m, block_.additions(ctx_, m, rows.count()), in);
        return std::array{inputs.q.slice(first, last), inputs.k.slice(first, last), inputs.v.slice(first, last),
                          rows.data};
    };
    const auto in_place = run({clone(ctx_, x_), tokens, {tokens}}), copied = run({copies, {}, {tokens}});
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::ranges::equal(in_place[i].span<float>(), copied[i].span<float>()));
    const Tensor rows = ops::gather_rows(ctx_, in_place[3], tokens.span<int64_t>());
    EXPECT_TRUE(std::ranges::equal(rows.span<float>(), copied[3].span<float>()));
}

}  // namespace
}  // namespace t3video::models
