// Hopper's own attention against a plain loop: odd windows, heads, results in other rows, averages, sharp softmaxes.
#include "cuda/hopper/attention.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "cuda/parity.h"
#include "support/windows.h"

namespace t3video {
namespace {

using namespace testing;

constexpr int64_t kHeadWidth = 128;

struct HopperAttentionCase {
    std::vector<cuda::WindowRun> runs;
    int64_t heads;
    bool shuffled, average;
    float spread;  // of q: large ones make the softmax sharp

    int64_t rows() const {
        int64_t sum = 0;
        for (const cuda::WindowRun& run : runs) sum += run.windows * run.tokens;
        return sum;
    }
};

// Tiles are 192 queries, in three parts, by 80 keys, of which the last has 64 where these suffice.
const HopperAttentionCase kCases[] = {
    {{{3, 1}}, 2, false, false, 1},
    {{{2, 7}}, 1, true, true, 1},
    {{{4, 64}}, 3, true, false, 4},
    {{{3, 65}}, 2, false, true, 1},
    {{{1, 80}}, 5, true, true, 1},
    {{{5, 81}}, 1, false, false, 8},
    {{{2, 127}}, 3, true, true, 1},
    {{{3, 144}}, 2, false, false, 4},
    {{{2, 160}}, 1, true, true, 1},
    {{{3, 193}}, 2, true, false, 1},
    {{{2, 200}}, 12, false, true, 4},
    {{{40, 100}}, 4, true, true, 1},
    {{{1, 705}}, 2, true, true, 8},
    {{{1, 1344}}, 1, false, false, 1},
    {{{2, 193}, {3, 80}, {1, 7}, {4, 1}}, 2, true, true, 1},
    {{{1, 300}, {2, 64}, {1, 301}, {2, 65}, {1, 81}, {1, 79}, {1, 128}, {3, 2}}, 3, false, false, 4},
};

// y: what there is already; all hold f32 on the host. The result, and the logarithms of the rows of y, [heads, rows].
PlainBranch plain(const HopperAttentionCase& c, float scale, const Tensor& q, const Tensor& k, const Tensor& v,
                  const std::vector<int64_t>& order, const Tensor& y) {
    const int64_t width = c.heads * kHeadWidth, rows = c.rows();
    std::vector<std::pair<int64_t, int64_t>> window_of;  // of each row: its first row and its tokens
    for (const cuda::WindowRun& run : c.runs) {
        for (int64_t i = 0; i < run.windows; ++i)
            window_of.insert(window_of.end(), static_cast<size_t>(run.tokens),
                             {static_cast<int64_t>(window_of.size()), run.tokens});
    }
    std::vector<double> weights(static_cast<size_t>(rows));
    PlainBranch result{std::vector<double>(static_cast<size_t>(y.numel())),
                       std::vector<double>(static_cast<size_t>(c.heads * rows))};
    for (int64_t i = 0; i < rows; ++i) {
        const auto [first, tokens] = window_of[static_cast<size_t>(i)];
        weights.resize(static_cast<size_t>(tokens));
        for (int64_t head = 0; head < c.heads; ++head) {
            const auto row = [&](const Tensor& x, int64_t token) {
                return x.span<float>().data() + token * width + head * kHeadWidth;
            };
            double most = -std::numeric_limits<double>::infinity(), sum = 0;
            for (int64_t j = 0; j < tokens; ++j) {
                double& score = weights[static_cast<size_t>(j)] = 0;
                for (int64_t d = 0; d < kHeadWidth; ++d) score += double{row(q, i)[d]} * double{row(k, first + j)[d]};
                most = std::max(most, score *= scale);
            }
            for (double& weight : weights) sum += weight = std::exp(weight - most);
            const int64_t to = order[static_cast<size_t>(i)];
            result.log_sum_exp[static_cast<size_t>(head * rows + to)] = most + std::log(sum);
            for (int64_t d = 0; d < kHeadWidth; ++d) {
                double value = 0;
                for (int64_t j = 0; j < tokens; ++j) {
                    value += weights[static_cast<size_t>(j)] / sum * double{row(v, first + j)[d]};
                }
                if (c.average) value = (value + double{row(y, to)[d]}) / 2;
                result.output[static_cast<size_t>(to * width + head * kHeadWidth + d)] = value;
            }
        }
    }
    return result;
}

class HopperAttentionOnGpu : public OnGpu {};

TEST_P(HopperAttentionOnGpu, OddWindowsOrdersAndAverages) {
    if (!gpu().traits().sm_90a_code) GTEST_SKIP() << "no GPU of compute capability 9.0";
    for (const HopperAttentionCase& c : kCases) {
        SCOPED_TRACE(concat(c.runs[0].windows, " windows of ", c.runs[0].tokens, " tokens first, ", c.heads,
                            " heads, shuffled ", c.shuffled, ", average ", c.average, ", spread ", c.spread));
        const int64_t rows = c.rows(), width = c.heads * kHeadWidth;
        Tensor spread = randn(cpu(), {rows, width}, 1);
        for (float& value : spread.span<float>()) value *= c.spread;
        const Operand q = on_both(ops::convert(cpu(), spread, type())), k = random({rows, width}, 2),
                      v = random({rows, width}, 3), before = random({rows, width}, 4);
        const Operand order = shuffled(rows, rows);
        std::vector<int64_t> to(static_cast<size_t>(rows));
        std::iota(to.begin(), to.end(), 0);
        if (c.shuffled) std::ranges::copy(order.host.span<int64_t>(), to.begin());
        const float scale = 1 / std::sqrt(float(kHeadWidth));
        const PlainBranch expected = plain(c, scale, q.host, k.host, v.host, to, before.host);

        Tensor logarithms = empty(gpu(), {c.heads, rows});
        const auto run = [&](bool save) {
            Tensor y =
                c.average ? to_device(gpu(), to_host(gpu(), before.device)) : empty(gpu(), {rows, width}, type());
            cuda::hopper_attention(
                gpu(),
                {.runs = c.runs,
                 .heads = c.heads,
                 .scale = scale,
                 .order = c.shuffled ? reinterpret_cast<const int64_t*>(order.device.raw()) : nullptr,
                 .average = c.average,
                 .log_sum_exp = save ? reinterpret_cast<float*>(logarithms.raw()) : nullptr,
                 .log_step = rows},
                q.device.raw(), k.device.raw(), v.device.raw(), y.raw());
            return to_host(gpu(), y);
        };
        const Tensor first = run(false), second = run(false), third = run(true);
        EXPECT_EQ(std::memcmp(first.raw(), second.raw(), first.bytes()), 0) << "two runs differ";
        EXPECT_EQ(std::memcmp(first.raw(), third.raw(), first.bytes()), 0) << "logarithms change the result";
        EXPECT_LE(relative_error(ops::convert(cpu(), first, DType::f32), expected.output), loose_bound());
        EXPECT_LE(worst_logarithm(to_host(gpu(), logarithms), expected.log_sum_exp), kLogarithmBound);
    }
}

TEST_P(HopperAttentionOnGpu, RefusesWhatItCannotDo) {
    if (!gpu().traits().sm_90a_code) GTEST_SKIP() << "no GPU of compute capability 9.0";
    const auto with = [&](int64_t heads, float scale) {
        const cuda::WindowRun run{1, 8};
        cuda::hopper_attention(gpu(), {.runs = {&run, 1}, .heads = heads, .scale = scale}, nullptr, nullptr, nullptr,
                               nullptr);
    };
    EXPECT_THROW(with(0, 1.0f), Error);
    EXPECT_THROW(with(1, 0.0f), Error);
    EXPECT_THROW(with(1, -1.0f), Error);
}

INSTANTIATE_TEST_SUITE_P(Types, HopperAttentionOnGpu, ::testing::Values(DType::bf16), type_name);

}  // namespace
}  // namespace t3video
