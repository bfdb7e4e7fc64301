// Attention on the GPU: narrow and wide heads, odd lengths, a key that stands for many, relative biases, windows.
#include "ops/attention.h"

#include "cuda/parity.h"
#include "ops/layout.h"
#include "t3/window_layout.h"

namespace t3video {
namespace {

using namespace testing;

struct AttentionCase {
    int64_t queries, keys, heads, width, value_width;
    float spread;  // of q: large ones make the softmax sharp
};

constexpr AttentionCase kCases[] = {
    {1, 1, 1, 8, 8, 1},         {5, 3, 2, 7, 7, 1},        {129, 300, 3, 48, 48, 1},   {70, 70, 2, 16, 16, 4},
    {257, 515, 4, 128, 128, 1}, {33, 515, 1, 24, 40, 4},   {260, 260, 1, 12, 12, 1},   {64, 64, 1, 384, 384, 1},
    {2, 77, 5, 32, 32, 1},      {300, 300, 12, 64, 64, 8}, {1000, 33, 2, 128, 128, 1}, {128, 256, 2, 80, 80, 1},
};

class AttentionOnGpu : public OnGpu {
  protected:
    struct Inputs {
        Operand q, k, v;
    };
    Inputs inputs(int64_t queries, int64_t keys, int64_t width, int64_t value_width, float spread = 1) {
        Tensor q = randn(cpu(), {queries, width}, 1);
        for (float& value : q.span<float>()) value *= spread;
        return {on_both(ops::convert(cpu(), q, type())), random({keys, width}, 2), random({keys, value_width}, 3)};
    }

    // All pairs of a layout over a grid, on both sides.
    void compare_windows(const Grid& grid, const t3::Pattern& counts, int64_t heads, int64_t width) {
        SCOPED_TRACE(concat(grid, " in ", counts, " windows, ", heads, " heads of ", width));
        const Inputs x = inputs(grid.tokens(), grid.tokens(), heads * width, heads * width);
        const float scale = 1 / std::sqrt(float(width));
        t3::LayerWindows windows = t3::layer_windows(grid, counts);
        std::vector<const ops::TokenWindows*> branches;
        for (const auto& branch : windows) branches.push_back(&branch);
        const Tensor expected = ops::window_attention(cpu(), x.q.host, x.k.host, x.v.host, heads, scale, branches);
        const auto on_gpu = [&] {
            return ops::window_attention(gpu(), x.q.device, x.k.device, x.v.device, heads, scale, branches);
        };
        expect_parity(expected, on_gpu, type(), loose_bound());
        for (auto& branch : windows) ops::upload_windows(gpu(), branch);
        expect_parity(expected, on_gpu, type(), loose_bound());
    }
};

TEST_P(AttentionOnGpu, Plain) {
    for (const AttentionCase& c : kCases) {
        for (const int64_t count : {1, 2, 497}) {
            SCOPED_TRACE(concat(c.queries, " queries, ", c.keys, " keys, ", c.heads, " heads of ", c.width, " and ",
                                c.value_width, ", last key ", count, " times"));
            const Inputs x = inputs(c.queries, c.keys, c.heads * c.width, c.heads * c.value_width, c.spread);
            const ops::AttentionOptions options{
                .heads = c.heads, .scale = 1 / std::sqrt(float(c.width)), .last_key_count = count};
            expect_parity(
                ops::attention(cpu(), x.q.host, x.k.host, x.v.host, options),
                [&] { return ops::attention(gpu(), x.q.device, x.k.device, x.v.device, options); }, type(),
                loose_bound());
        }
    }
}

// Rows longer than what is looked at first, whose largest score comes late: a little above the first ones, or so far
// that the row has to be read again. The wide head and the narrow one of no multiple of eight keep scores in memory.
TEST_P(AttentionOnGpu, LargestScoresComeLate) {
    for (const int64_t keys : {2100, 9001, 9004}) {
        for (const float above : {0.0f, 20.0f, 75.0f, 300.0f}) {
            SCOPED_TRACE(concat(keys, " keys, a score ", above, " above the others"));
            const int64_t queries = 9, width = 136;
            Tensor q = randn(cpu(), {queries, width}, 1, type()), k = randn(cpu(), {keys, width}, 2, type());
            q = ops::convert(cpu(), q, DType::f32), k = ops::convert(cpu(), k, DType::f32);
            for (int64_t i = 0; i < queries; ++i) q.data<float>()[i * width] = 16;
            for (int64_t i = 0; i < keys; ++i) k.data<float>()[i * width] = 0;
            k.data<float>()[(keys - 3) * width] = above;
            const Operand queries_of = on_both(ops::convert(cpu(), q, type())),
                          keys_of = on_both(ops::convert(cpu(), k, type())), v = random({keys, width}, 3);
            const ops::AttentionOptions options{.heads = 1, .scale = 1.0f / 16};
            expect_parity(
                ops::attention(cpu(), queries_of.host, keys_of.host, v.host, options),
                [&] { return ops::attention(gpu(), queries_of.device, keys_of.device, v.device, options); }, type(),
                loose_bound());
        }
    }
}

TEST_P(AttentionOnGpu, RelativeBias) {
    for (const int64_t tokens : {1, 5, 64, 129, 512}) {
        for (const int64_t width : {8, 13, 64}) {
            SCOPED_TRACE(concat(tokens, " tokens, heads of ", width));
            const int64_t heads = 3;
            const Inputs x = inputs(tokens, tokens, heads * width, heads * width);
            const Operand bias = random({heads, 2 * tokens - 1}, 4, DType::f32);
            ops::AttentionOptions host{.heads = heads, .scale = 1.0f, .relative_bias = &bias.host};
            ops::AttentionOptions device = host;
            device.relative_bias = &bias.device;
            expect_parity(
                ops::attention(cpu(), x.q.host, x.k.host, x.v.host, host),
                [&] { return ops::attention(gpu(), x.q.device, x.k.device, x.v.device, device); }, type(),
                loose_bound());
        }
    }
}

// Counting a key n times is the same as having it n times.
TEST_P(AttentionOnGpu, LastKeyCountEqualsRepeatedKeys) {
    const Inputs x = inputs(40, 20, 64, 64);
    const auto repeated = [&](const Operand& rows) {
        std::vector<Tensor> parts{rows.host};
        for (int i = 0; i < 6; ++i) parts.push_back(rows.host.slice(19, 20));
        return Operand{{}, to_device(gpu(), ops::convert(cpu(), ops::concat(cpu(), parts), type()))};
    };
    const Operand k = repeated(x.k), v = repeated(x.v);
    expect_parity(
        on_host_as_f32(ops::attention(gpu(), x.q.device, k.device, v.device, {.heads = 2, .scale = 0.2f})),
        [&] {
            return ops::attention(gpu(), x.q.device, x.k.device, x.v.device,
                                  {.heads = 2, .scale = 0.2f, .last_key_count = 7});
        },
        type(), loose_bound());
}

TEST_P(AttentionOnGpu, RaggedWindowsOfTwoBranches) {
    compare_windows({3, 5, 7}, {2, 2, 3}, 2, 12);
    compare_windows({4, 9, 10}, {1, 4, 3}, 3, 128);
    compare_windows({2, 3, 5}, {2, 2, 5}, 1, 64);  // windows of one token beside windows of two
    compare_windows({5, 4, 6}, {1, 2, 2}, 4, 16);
}

TEST_P(AttentionOnGpu, WindowsOfOneBranch) {
    compare_windows({3, 5, 7}, {1, 1, 1}, 2, 64);
    compare_windows({3, 5, 8}, {3, 1, 1}, 2, 128);
    compare_windows({2, 3, 4}, {2, 3, 4}, 1, 8);  // every token alone: the result is v
}

INSTANTIATE_TEST_SUITE_P(Types, AttentionOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
