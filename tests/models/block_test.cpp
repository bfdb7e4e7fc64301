// A block's token-wise layers run over slices of the tokens; the seams must not show.
#include "models/wan_dit/block.h"

#include <gtest/gtest.h>

#include "nn/rope.h"
#include "nn/slices.h"
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
    const TextKeys text = block.cross_attn.keys(ctx, embedded, 4);
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

}  // namespace
}  // namespace t3video::models
