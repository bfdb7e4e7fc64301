// The feed-forward layer runs over slices of the tokens; the seams must not show.
#include <gtest/gtest.h>

#include "models/wan_dit/block.h"
#include "support/tensors.h"

namespace t3video {
namespace {

using testing::randn;

TEST(FeedForward, SlicesOfManyTokensEqualEachToken) {
    Context ctx;
    models::DitConfig config;
    config.dim = 3;
    config.ffn_dim = 5;
    models::FeedForward layer(config);
    uint32_t seed = 1;
    layer.for_each_param("",
                         [&](const std::string&, nn::Param& param) { param.value = randn(ctx, param.shape, seed++); });
    const Tensor x = randn(ctx, {16400, 3}, 9), y = layer.forward(ctx, x);  // two whole slices and a part
    ASSERT_EQ(y.shape(), x.shape());
    for (const int64_t row : {0, 8191, 8192, 16383, 16384, 16399}) {
        EXPECT_LT(testing::relative_error(y.slice(row, row + 1), layer.forward(ctx, x.slice(row, row + 1))), 1e-6)
            << row;
    }
}

}  // namespace
}  // namespace t3video
