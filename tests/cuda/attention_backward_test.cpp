// Gradients of attention on the GPU against those on the CPU: over the keys of a prompt, and within windows of every
// kind of size that some kernel takes, in order and gathered, of one branch and two.
#include "cuda/attention_backward.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <numeric>

#include "cuda/library/fused_attention_backward.h"
#include "cuda/parity.h"
#include "ops/attention.h"

namespace t3video {
namespace {

using namespace testing;

struct CrossCase {
    int64_t queries, keys, heads, width, value_width;
    float spread;  // of q: large ones make the softmax sharp
};

// More than 512 keys take another kernel.
constexpr CrossCase kCrossCases[] = {
    {1, 2, 1, 8, 8, 1},         {5, 3, 2, 7, 7, 1},        {129, 300, 3, 48, 48, 1},   {70, 70, 2, 16, 16, 4},
    {257, 102, 3, 128, 128, 1}, {33, 515, 1, 24, 40, 4},   {260, 260, 1, 12, 12, 1},   {64, 129, 1, 64, 64, 1},
    {2, 77, 3, 32, 32, 1},      {300, 1301, 2, 16, 16, 2}, {1000, 33, 2, 128, 128, 1}, {90, 512, 2, 64, 64, 1},
};

// Windows of so many tokens, whose rows lie in order or not.
struct WindowList {
    std::vector<int64_t> sizes;
    bool in_order;
};

const std::vector<int64_t> kRagged{1, 1, 7, 33, 33, 33, 64, 64, 65, 65, 65, 130, 300, 1, 8, 16, 17, 2},
    kOthers{130, 130, 300, 65, 64, 33, 7, 1, 1, 1, 9, 32, 100};

class AttentionBackwardOnGpu : public OnGpu {
  protected:
    Operand spread(Shape shape, uint32_t seed, float by) {
        Tensor x = randn(cpu(), shape, seed);
        for (float& value : x.span<float>()) value *= by;
        return on_both(ops::convert(cpu(), x, type()));
    }

    static int64_t tokens_of(const std::vector<int64_t>& sizes) {
        return std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
    }

    ops::TokenWindows windows_of(const WindowList& list, uint32_t seed) {
        ops::TokenWindows windows;
        windows.order.resize(static_cast<size_t>(tokens_of(list.sizes)));
        std::iota(windows.order.begin(), windows.order.end(), 0);
        if (!list.in_order) std::shuffle(windows.order.begin(), windows.order.end(), std::mt19937(seed));
        windows.starts.push_back(0);
        for (const int64_t size : list.sizes) windows.starts.push_back(windows.starts.back() + size);
        return windows;
    }

    void compare_windows(const std::vector<WindowList>& lists, int64_t heads, int64_t width, float by = 1) {
        SCOPED_TRACE(concat(lists.size(), " branches, the first in order ", lists[0].in_order, ", ", heads,
                            " heads of ", width));
        const Shape shape{tokens_of(lists[0].sizes), heads * width};
        const Operand q = spread(shape, 1, by), k = random(shape, 2), v = random(shape, 3), dy = random(shape, 4);
        const float scale = 1 / std::sqrt(static_cast<float>(width));
        std::vector<ops::TokenWindows> all;
        for (const WindowList& list : lists) all.push_back(windows_of(list, 5));
        std::vector<const ops::TokenWindows*> branches;
        for (const ops::TokenWindows& windows : all) branches.push_back(&windows);

        ops::AttentionSaved saved;
        ops::window_attention(cpu(), q.host, k.host, v.host, heads, scale, branches, &saved);
        const ops::AttentionGradients expected = ops::window_attention_backward(cpu(), q.host, k.host, v.host, dy.host,
                                                                                {heads, scale, branches, saved, true});

        ops::window_attention(gpu(), q.device, k.device, v.device, heads, scale, branches, &saved);
        const auto compare = [&](bool deterministic) {
            SCOPED_TRACE(deterministic ? "deterministic" : "in any order");
            const auto run = [&] {
                return ops::window_attention_backward(gpu(), q.device, k.device, v.device, dy.device,
                                                      {heads, scale, branches, saved, deterministic});
            };
            const ops::AttentionGradients d = run();
            expect_close(d.q, expected.q, "dq");
            expect_close(d.k, expected.k, "dk");
            expect_close(d.v, expected.v, "dv");
            if (deterministic) expect_same_bits(d, run());
        };
        compare(false);  // windows that no one has uploaded are gathered
        for (ops::TokenWindows& windows : all) ops::upload_windows(gpu(), windows);
        compare(false);
        compare(true);
    }

    // Onto gradients that are there already, and the same bits every time.
    void compare_cross(const CrossCase& c, int64_t last_key_count) {
        SCOPED_TRACE(concat(c.queries, " queries, ", c.keys, " keys, ", c.heads, " heads of ", c.width, " and ",
                            c.value_width, ", last key ", last_key_count, " times"));
        const int64_t qk = c.heads * c.width, values = c.heads * c.value_width;
        const Operand q = spread({c.queries, qk}, 1, c.spread), k = random({c.keys, qk}, 2),
                      v = random({c.keys, values}, 3), dy = random({c.queries, values}, 4);
        const Operand dk = random({c.keys, qk}, 5, DType::f32), dv = random({c.keys, values}, 6, DType::f32);
        const ops::AttentionOptions options{
            .heads = c.heads, .scale = 1 / std::sqrt(float(c.width)), .last_key_count = last_key_count};
        Tensor host_k = clone(cpu(), dk.host), host_v = clone(cpu(), dv.host);
        Tensor expected = ops::attention_backward(cpu(), q.host, k.host, v.host, dy.host, options, host_k, host_v);
        // One key has all the weight whatever the query is, and the reference nothing but rounding.
        if (c.keys == 1) expected = zeros(cpu(), expected.shape());
        const auto run = [&] {
            ops::AttentionGradients d{{}, clone(gpu(), dk.device), clone(gpu(), dv.device)};
            d.q = ops::attention_backward(gpu(), q.device, k.device, v.device, dy.device, options, d.k, d.v);
            return d;
        };
        const ops::AttentionGradients d = run();
        // Of two keys one may have nearly all the weight: then ds is a difference of nearly equal numbers.
        expect_close(d.q, expected, "dq", c.keys == 2 ? 4 : 1);
        EXPECT_LE(relative_error(on_host_as_f32(d.k), host_k), loose_bound());
        EXPECT_LE(relative_error(on_host_as_f32(d.v), host_v), loose_bound());
        expect_same_bits(d, run());
    }

    void expect_close(const Tensor& x, const Tensor& reference, const char* name, double times = 1) {
        EXPECT_EQ(x.dtype(), type()) << name;
        EXPECT_LE(relative_error(on_host_as_f32(x), reference), times * loose_bound()) << name;
    }

    void expect_same_bits(const ops::AttentionGradients& a, const ops::AttentionGradients& b) {
        const auto compare = [&](const Tensor& on_gpu, const Tensor& other) {
            const Tensor x = to_host(gpu(), on_gpu), y = to_host(gpu(), other);
            EXPECT_EQ(std::memcmp(x.raw(), y.raw(), x.bytes()), 0) << "two runs differ";
        };
        compare(a.q, b.q);
        compare(a.k, b.k);
        compare(a.v, b.v);
    }
};

TEST_P(AttentionBackwardOnGpu, OverFewKeys) {
    for (const CrossCase& c : kCrossCases) {
        for (const int64_t count : {1, 9}) compare_cross(c, count);
    }
}

// The kernel for heads of 64 and 128 takes tiles of 64 queries and up to 128 keys, in parts of 32.
TEST_P(AttentionBackwardOnGpu, OverKeysOfAPrompt) {
    constexpr std::array<int64_t, 10> kKeys{1, 2, 7, 16, 33, 101, 102, 127, 128, 129};
    constexpr std::array<int64_t, 6> kQueries{1, 63, 64, 65, 1000, 5000};
    constexpr std::array<int64_t, 3> kHeads{1, 3, 12};
    for (const int64_t width : {64, 128}) {
        for (size_t i = 0; i < kKeys.size(); ++i) {
            for (size_t j = 0; j < kQueries.size(); ++j) {
                const CrossCase c{kQueries[j], kKeys[i], kHeads[(i + j) % kHeads.size()], width, width, 1};
                for (const int64_t count : {1, 412}) compare_cross(c, count);
            }
        }
        compare_cross({300, 101, 24, width, width, 1}, 412);
        compare_cross({70, 64, 300, width, width, 1}, 1);  // more heads than there are to be blocks
        for (const int64_t keys : {2, 33, 101, 128}) {
            for (const int64_t count : {1, 412}) compare_cross({1000, keys, 3, width, width, 4}, count);  // sharp
        }
    }
    compare_cross({100, 101, 3, 64, 128, 1}, 412);  // products
}

// Few enough for tools that watch every access.
TEST_P(AttentionBackwardOnGpu, OverKeysOfAPromptOfOddSizes) {
    for (const int64_t width : {64, 128}) {
        for (const int64_t keys : {1, 33, 101, 128}) {
            for (const int64_t queries : {1, 65, 200}) compare_cross({queries, keys, 3, width, width, 1}, 9);
        }
    }
}

// More queries than one slice has.
TEST_P(AttentionBackwardOnGpu, OverSlicesOfQueries) {
    const int64_t keys = 1500, heads = 3, width = 16;
    const int64_t queries = 2 * cuda::backward_queries(heads, int64_t{1} << 40, keys) + 77;
    const Operand q = random({queries, heads * width}, 1), k = random({keys, heads * width}, 2),
                  v = random({keys, heads * width}, 3), dy = random({queries, heads * width}, 4);
    const ops::AttentionOptions options{.heads = heads, .scale = 0.25f, .last_key_count = 9};
    Tensor dk = zeros(cpu(), k.host.shape()), dv = zeros(cpu(), v.host.shape());
    const Tensor dq = ops::attention_backward(cpu(), q.host, k.host, v.host, dy.host, options, dk, dv);
    Tensor device_k = zeros(gpu(), k.host.shape()), device_v = zeros(gpu(), v.host.shape());
    expect_close(ops::attention_backward(gpu(), q.device, k.device, v.device, dy.device, options, device_k, device_v),
                 dq, "dq");
    EXPECT_LE(relative_error(on_host_as_f32(device_k), dk), loose_bound());
    EXPECT_LE(relative_error(on_host_as_f32(device_v), dv), loose_bound());
}

TEST_P(AttentionBackwardOnGpu, RaggedWindowsOfOneBranch) {
    for (const bool in_order : {true, false}) {
        for (const int64_t heads : {1, 2, 3}) {
            for (const int64_t width : {16, 64, 128}) compare_windows({{kRagged, in_order}}, heads, width);
        }
    }
    compare_windows({{kRagged, false}}, 2, 12);  // a width for which cuDNN has no kernel
    compare_windows({{kRagged, true}}, 1, 200);
}

TEST_P(AttentionBackwardOnGpu, RaggedWindowsOfTwoBranches) {
    std::vector<int64_t> others = kOthers;
    others.push_back(tokens_of(kRagged) - tokens_of(kOthers));
    ASSERT_GT(others.back(), 0);
    for (const bool in_order : {true, false}) {
        for (const int64_t width : {16, 64, 128}) compare_windows({{kRagged, in_order}, {others, false}}, 2, width);
    }
    compare_windows({{kRagged, true}, {others, false}}, 3, 24);
    compare_windows({{kRagged, true}, {others, false}}, 2, 12);
    compare_windows({{others, true}, {kRagged, true}}, 1, 64);  // in order, and yet onto what is there
}

TEST_P(AttentionBackwardOnGpu, SharpSoftmax) {
    compare_windows({{{300, 65, 64, 40}, true}, {{235, 234}, false}}, 2, 64, 4);
}

// More tokens than are gathered at once.
TEST_P(AttentionBackwardOnGpu, MoreWindowsThanAtOnce) {
    const std::vector<int64_t> sizes(static_cast<size_t>(cuda::kBackwardTokens / 70 + 30), 70);
    compare_windows({{sizes, true}, {sizes, false}}, 1, 16);
}

INSTANTIATE_TEST_SUITE_P(Types, AttentionBackwardOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

class FusedBackwardOnGpu : public AttentionBackwardOnGpu {};

// Windows and heads that do not fit what may be ordered at once, against sums in any order.
TEST_P(FusedBackwardOnGpu, OrderedInParts) {
    struct Case {
        int64_t windows, tokens, heads;
    };
    for (const Case& c : {Case{3, 8192, 3}, Case{1, 16384, 3}}) {
        ASSERT_GT(cuda::ordered_bytes(c.tokens) * static_cast<size_t>(c.windows * c.heads), cuda::kOrderedBytes);
        const int64_t width = 16;
        const Shape shape{c.windows * c.tokens, c.heads * width};
        const Operand q = spread(shape, 1, 4), k = random(shape, 2), v = random(shape, 3), dy = random(shape, 4);
        ops::TokenWindows windows =
            windows_of({std::vector<int64_t>(static_cast<size_t>(c.windows), c.tokens), true}, 5);
        ops::upload_windows(gpu(), windows);
        const ops::TokenWindows* const branches[] = {&windows};
        ops::AttentionSaved saved;
        ops::window_attention(gpu(), q.device, k.device, v.device, c.heads, 0.25f, branches, &saved);
        const auto run = [&](bool deterministic) {
            return ops::window_attention_backward(gpu(), q.device, k.device, v.device, dy.device,
                                                  {c.heads, 0.25f, branches, saved, deterministic});
        };
        const ops::AttentionGradients expected = run(false), d = run(true);
        expect_close(d.q, on_host_as_f32(expected.q), "dq");
        expect_close(d.k, on_host_as_f32(expected.k), "dk");
        expect_close(d.v, on_host_as_f32(expected.v), "dv");
        expect_same_bits(d, run(true));
    }
}

// cuDNN has kernels for the windows of models, and takes no more memory than is planned for it.
TEST_P(FusedBackwardOnGpu, TakesWhatIsPlanned) {
    for (const int64_t width : {64, 128}) {
        for (const int64_t tokens : {65, 130, 300, 1344, 4032, 8192}) {
            for (const bool deterministic : {false, true}) {
                const int64_t heads = 12;
                const auto fit = static_cast<int64_t>(cuda::kOrderedBytes / cuda::ordered_bytes(tokens)) / heads;
                const int64_t at_once = cuda::kBackwardTokens / tokens;
                for (const int64_t windows : {int64_t{1}, deterministic ? std::min(fit, at_once) : at_once}) {
                    if (windows == 0 || (deterministic && windows > fit)) continue;
                    SCOPED_TRACE(concat(windows, " windows of ", tokens, " tokens, heads of ", width,
                                        deterministic ? ", deterministic" : ""));
                    const auto bytes = cuda::fused_attention_backward_bytes(
                        gpu(), {windows, heads, tokens, width, heads * width, 0.1f, deterministic});
                    EXPECT_TRUE(bytes.has_value()) << "no kernel";
                    if (!bytes) continue;
                    const size_t planned =
                        cuda::fused_backward_scratch(windows * tokens, heads, width, tokens, deterministic);
                    EXPECT_LE(*bytes, planned);
                    std::printf("%4d windows of %4d tokens, heads of %3d%s: %.1f MiB, planned %.1f\n", int(windows),
                                int(tokens), int(width), deterministic ? ", deterministic" : "",
                                double(*bytes) / (1 << 20), double(planned) / (1 << 20));
                }
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Types, FusedBackwardOnGpu, ::testing::Values(DType::bf16), type_name);

}  // namespace
}  // namespace t3video
