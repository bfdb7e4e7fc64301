// Resampling on the GPU: channel counts of the models and such that fit no vector.
#include "ops/resample.h"

#include "cuda/parity.h"

namespace t3video {
namespace {

using namespace testing;

class ResampleOnGpu : public OnGpu {};

TEST_P(ResampleOnGpu, FoldAndUnfoldPixels) {
    for (const Shape& shape : {Shape{2, 6, 4, 3}, {1, 2, 2, 1}, {3, 8, 10, 16}, {1, 34, 302, 5}}) {
        SCOPED_TRACE(shape);
        const Operand x = random(shape, 1);
        expect_parity(
            ops::fold_pixels(cpu(), x.host), [&] { return ops::fold_pixels(gpu(), x.device); }, type(), 0);
        const Operand folded = random({shape[0], shape[1] / 2, shape[2] / 2, shape[3] * 4}, 2);
        expect_parity(
            ops::unfold_pixels(cpu(), folded.host), [&] { return ops::unfold_pixels(gpu(), folded.device); }, type(),
            0);
    }
}

TEST_P(ResampleOnGpu, ChannelsToTime) {
    for (const auto& [shape, factor] : {std::pair{Shape{3, 2, 5, 8}, 2},
                                        {{2, 3, 3, 9}, 3},
                                        {{1, 7, 11, 384}, 2},
                                        {{2, 2, 2, 5}, 1},
                                        {{2, 3, 5, 14}, 2}}) {
        SCOPED_TRACE(shape);
        const Operand x = random(shape, 1);
        expect_parity(
            ops::channels_to_time(cpu(), x.host, factor),
            [&] { return ops::channels_to_time(gpu(), x.device, factor); }, type(), 0);
    }
}

struct ShortcutCase {
    Shape small, large;  // main and x going down, x and main going up
    int64_t ft, fs;
};

TEST_P(ResampleOnGpu, AddAverageDown) {
    for (const ShortcutCase& c : {ShortcutCase{{2, 2, 3, 5}, {2, 4, 6, 5}, 1, 2},
                                  {{2, 1, 2, 10}, {3, 2, 4, 5}, 2, 2},
                                  {{2, 3, 5, 6}, {3, 3, 5, 3}, 2, 1},
                                  {{1, 17, 9, 320}, {1, 34, 18, 160}, 1, 2},
                                  {{3, 2, 2, 7}, {3, 2, 2, 7}, 1, 1}}) {
        SCOPED_TRACE(c.large);
        const Operand main = random(c.small, 1), x = random(c.large, 2);
        expect_parity(ops::add_average_down(cpu(), main.host, x.host, c.ft, c.fs),
                      [&] { return ops::add_average_down(gpu(), main.device, x.device, c.ft, c.fs); });
    }
}

TEST_P(ResampleOnGpu, AddDuplicateUp) {
    for (const ShortcutCase& c : {ShortcutCase{{2, 3, 2, 4}, {3, 6, 4, 4}, 2, 2},
                                  {{2, 3, 2, 4}, {4, 6, 4, 4}, 2, 2},
                                  {{2, 3, 2, 8}, {2, 6, 4, 4}, 1, 2},
                                  {{1, 5, 3, 5}, {1, 10, 6, 5}, 1, 2},
                                  {{1, 9, 11, 256}, {2, 18, 22, 128}, 2, 2},
                                  {{2, 5, 3, 1024}, {3, 10, 6, 1024}, 2, 2},
                                  {{3, 2, 2, 7}, {3, 2, 2, 7}, 1, 1}}) {
        SCOPED_TRACE(c.large);
        const Operand main = random(c.large, 1), x = random(c.small, 2);
        expect_parity(ops::add_duplicate_up(cpu(), main.host, x.host, c.ft, c.fs),
                      [&] { return ops::add_duplicate_up(gpu(), main.device, x.device, c.ft, c.fs); });
    }
    const Operand main = random({3, 4, 6, 16}, 1), x = random({2, 5, 3, 32}, 2);  // rows 5 to 8 of 10
    expect_parity(ops::add_duplicate_up(cpu(), main.host, x.host, 2, 2, 5),
                  [&] { return ops::add_duplicate_up(gpu(), main.device, x.device, 2, 2, 5); });
}

INSTANTIATE_TEST_SUITE_P(Types, ResampleOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
