// Rates of the ops that films spend their time in, beside this machine's plain matrix product in the same run.
#include <benchmark/benchmark.h>

#include <cmath>

#include "ops/attention.h"
#include "ops/conv3d.h"
#include "ops/linear.h"
#include "ops/norm.h"
#include "support/tensors.h"
#include "t3/window_layout.h"

namespace t3video {
namespace {

using testing::randn;

void set_rate(benchmark::State& state, double flop) {
    state.counters["GFLOP/s"] =
        benchmark::Counter(flop * double(state.iterations()) / 1e9, benchmark::Counter::kIsRate);
}

// args: rows, in, out, weight type (0 f32, 1 bf16)
void linear(benchmark::State& state) {
    Context ctx;
    const int64_t rows = state.range(0), in = state.range(1), out = state.range(2);
    const Tensor x = randn(ctx, {rows, in}, 1), w = randn(ctx, {out, in}, 2, state.range(3) ? DType::bf16 : DType::f32);
    for (auto _ : state) benchmark::DoNotOptimize(ops::linear(ctx, x, w).raw());
    set_rate(state, 2.0 * double(rows) * double(in) * double(out));
}
BENCHMARK(linear)
    ->ArgNames({"rows", "in", "out", "bf16"})
    ->Args({1536, 1536, 1536, 0})  // the yardstick for the rates below
    ->Args({1560, 1536, 1536, 1})
    ->Args({1560, 1536, 8960, 1})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// args: tokens, heads, head width
void full_attention(benchmark::State& state) {
    Context ctx;
    const int64_t tokens = state.range(0), width = state.range(1) * state.range(2);
    const Tensor q = randn(ctx, {tokens, width}, 1), k = randn(ctx, {tokens, width}, 2),
                 v = randn(ctx, {tokens, width}, 3);
    for (auto _ : state)
        benchmark::DoNotOptimize(ops::attention(ctx, q, k, v, {.heads = state.range(1), .scale = 0.1f}).raw());
    set_rate(state, 4.0 * double(tokens) * double(tokens) * double(width));
}
BENCHMARK(full_attention)
    ->ArgNames({"tokens", "heads", "d"})
    ->Args({1560, 12, 128})
    ->Args({2240, 4, 48})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// The demo's grid and the five patterns of its layout.
void window_attention(benchmark::State& state) {
    Context ctx;
    const Grid grid{5, 16, 28};
    const t3::WindowCounts patterns[] = {{5, 1, 1}, {1, 4, 7}, {1, 2, 14}, {5, 2, 2}, {1, 8, 2}};
    const auto& counts = patterns[state.range(0)];
    const auto windows = t3::layer_windows(grid, counts);
    std::vector<const ops::TokenWindows*> branches;
    for (const auto& branch : windows) branches.push_back(&branch);
    const Tensor q = randn(ctx, {grid.tokens(), 1536}, 1), k = randn(ctx, {grid.tokens(), 1536}, 2),
                 v = randn(ctx, {grid.tokens(), 1536}, 3);
    for (auto _ : state) benchmark::DoNotOptimize(ops::window_attention(ctx, q, k, v, 12, 0.1f, branches).raw());
    set_rate(state, 4.0 * 1536 * t3::scored_pairs(grid, counts));
}
BENCHMARK(window_attention)->ArgName("pattern")->DenseRange(0, 4)->Unit(benchmark::kMillisecond)->UseRealTime();

// args: frames in, side, channels; a 3x3x3 convolution of the VAE
void conv3d(benchmark::State& state) {
    Context ctx;
    const int64_t frames = state.range(0), side = state.range(1), channels = state.range(2);
    const Tensor x = randn(ctx, {frames, side, side, channels}, 1), w = randn(ctx, {channels, channels, 3, 3, 3}, 2);
    const ops::Conv3dOptions options{.pad_top = 1, .pad_bottom = 1, .pad_left = 1, .pad_right = 1};
    for (auto _ : state) benchmark::DoNotOptimize(ops::conv3d(ctx, x, w, nullptr, options).raw());
    set_rate(state, 2.0 * double((frames - 2) * side * side * channels * channels) * 27);
}
BENCHMARK(conv3d)
    ->ArgNames({"frames", "side", "channels"})
    ->Args({3, 64, 384})
    ->Args({4, 128, 192})
    ->Args({6, 256, 96})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

void rms_norm(benchmark::State& state) {
    Context ctx;
    const Tensor x = randn(ctx, {4096, 1536}, 1), w = randn(ctx, {1536}, 2);
    for (auto _ : state) benchmark::DoNotOptimize(ops::rms_norm(ctx, x, w, 1e-6f).raw());
    state.SetBytesProcessed(state.iterations() * 2 * static_cast<int64_t>(x.bytes()));
}
BENCHMARK(rms_norm)->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
}  // namespace t3video
