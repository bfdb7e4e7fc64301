// Ops over a stream of several samples on the GPU.
#include <array>
#include <functional>

#include "cuda/parity.h"
#include "nn/rope.h"
#include "ops/elementwise.h"
#include "ops/layout.h"
#include "ops/loss.h"
#include "ops/norm.h"
#include "ops/residual.h"
#include "ops/rope.h"
#include "support/samples.h"

namespace t3video {
namespace {

using namespace testing;

class SamplesOnGpu : public OnGpu {
  protected:
    // Runs `run` for every case, in turn and in an order, on both sides: it takes a context and a function that gives
    // an operand's tensor there, and returns results, which are of these types.
    using Side = std::function<Tensor(const Operand&)>;
    using Run = std::function<std::vector<Tensor>(Context&, const Side&, const std::function<ops::Rows(const Tensor&)>&,
                                                  const SamplesCase&)>;
    void check(const std::vector<DType>& types, const Run& run) {
        std::vector<SamplesCase> cases(std::begin(kSamplesCases), std::end(kSamplesCases));
        cases.push_back({16, 560, 0, 8960, 192, 2, 112});
        cases.push_back({3, 700, 650, 1300, 1536, 2, 100});
        cases.push_back({2, 20, 0, 40, 5120, 1, 0});
        cases.push_back({2, 9, 3, 14, 6000, 2, 4});
        for (const SamplesCase& c : cases) {
            for (const bool ordered : {false, true}) {
                SCOPED_TRACE(concat(c, ordered ? ", ordered" : ""));
                const std::vector<int64_t> tokens = c.tokens(ordered);
                const Operand ids{from_span(cpu(), tokens), from_span(gpu(), tokens)};
                const auto on = [&](Context& ctx, bool on_gpu) {
                    const Side side = [on_gpu](const Operand& o) { return on_gpu ? o.device : o.host; };
                    return run(
                        ctx, side,
                        [&](const Tensor& x) -> ops::Rows {
                            if (!ordered) return {x, {}, {.first = c.first}};
                            return {x, {}, {side(ids), c.first}};
                        },
                        c);
                };
                const std::vector<Tensor> expected = on(cpu(), false);
                ASSERT_EQ(expected.size(), types.size());
                for (size_t i = 0; i < types.size(); ++i) {
                    expect_parity(
                        expected[i], [&] { return on(gpu(), true)[i]; }, types[i], bound(types[i]));
                }
            }
        }
    }
    // Of narrow rows little is left of a gradient where eps is small.
    static float eps(const SamplesCase& c) { return c.width < 8 ? 0.5f : 1e-6f; }
};

TEST_P(SamplesOnGpu, Modulation) {
    check({type()}, [&](Context& ctx, const Side& of, const auto& rows, const SamplesCase& c) {
        const Operand x = random({c.rows, c.width}, 1), scale = random({c.sets(), c.width}, 2, DType::f32),
                      shift = random({c.sets(), c.width}, 3, DType::f32);
        return std::vector{ops::norm_modulate(ctx, rows(of(x)), of(scale), of(shift), c.token_sets(), eps(c))};
    });
}

TEST_P(SamplesOnGpu, ModulationBackward) {
    check({DType::f32, DType::f32, DType::f32}, [&](Context& ctx, const Side& of, const auto& rows,
                                                    const SamplesCase& c) {
        const Operand x = random({c.rows, c.width}, 1), dy = random({c.rows, c.width}, 2),
                      lying = random({c.rows, c.width}, 3, DType::f32),
                      scale = random({c.sets(), c.width}, 4, DType::f32),
                      start = random({c.sets(), c.width}, 5, DType::f32);
        Tensor dscale = clone(ctx, of(start)), dshift = clone(ctx, of(start));
        ops::Rows dx = rows(clone(ctx, of(lying)));
        ops::norm_modulate_backward(ctx, rows(of(x)), of(scale), c.token_sets(), eps(c), of(dy), dx, &dscale, &dshift);
        return std::vector{dx.data, dscale, dshift};
    });
}

TEST_P(SamplesOnGpu, Gates) {
    check({DType::f32, DType::f32, type(), type()}, [&](Context& ctx, const Side& of, const auto& rows,
                                                        const SamplesCase& c) {
        const Operand x = random({c.rows, c.width}, 1, DType::f32), h = random({c.rows, c.width}, 2),
                      gate = random({c.sets(), c.width}, 3, DType::f32),
                      scale = random({c.sets(), c.width}, 4, DType::f32),
                      shift = random({c.sets(), c.width}, 5, DType::f32), w = random({c.width}, 6, DType::f32);
        const Tensor g = of(gate);
        ops::Rows added = rows(clone(ctx, of(x))), one = rows(clone(ctx, of(x))), other = rows(clone(ctx, of(x)));
        ops::add_gated_to(ctx, added, g, of(h), c.token_sets());
        const Tensor y = ops::add_norm_modulate(ctx, one, {of(h), &g}, of(scale), of(shift), c.token_sets(), eps(c)),
                     z = ops::add_layer_norm(ctx, other, {of(h), &g}, of(w), of(w), c.token_sets(), eps(c));
        return std::vector{added.data, one.data, y, z};
    });
}

TEST_P(SamplesOnGpu, GatesBackward) {
    check({type(), DType::f32}, [&](Context& ctx, const Side& of, const auto& rows, const SamplesCase& c) {
        const Operand dx = random({c.rows, c.width}, 1, DType::f32), h = random({c.rows, c.width}, 2),
                      gate = random({c.sets(), c.width}, 3, DType::f32),
                      start = random({c.sets(), c.width}, 4, DType::f32);
        Tensor dgate = clone(ctx, of(start));
        const Tensor dh = ops::add_gated_backward(ctx, rows(of(dx)), of(gate), of(h), c.token_sets(), &dgate);
        return std::vector{dh, dgate};
    });
}

// Rotation follows a token's place in its own sample.
TEST_P(SamplesOnGpu, Rotation) {
    for (const auto& [heads, width] : {std::pair<int64_t, int64_t>{2, 12}, {3, 128}, {3, 6}, {1, 1032}}) {
        SCOPED_TRACE(concat(heads, " heads of ", width));
        ops::RopeTable host = nn::make_rope_table(cpu(), {2, 3, 5}, width), device = host;
        for (Tensor* x : {&device.cos_t, &device.sin_t, &device.cos_h, &device.sin_h, &device.cos_w, &device.sin_w})
            *x = to_device(gpu(), *x);
        host.samples = device.samples = 3;
        const Operand x = random({67, heads * width}, 1), dy = random({67, heads * width}, 2),
                      w = random({heads * width}, 3), order = shuffled(90, 67);
        for (const bool ordered : {false, true}) {
            const auto run = [&](Context& ctx, bool on_gpu, bool backward) {
                const auto of = [&](const Operand& o) { return on_gpu ? o.device : o.host; };
                const ops::Tokens tokens = ordered ? ops::Tokens{of(order)} : ops::Tokens{{}, 23};
                const Tensor rows = of(x), weight = of(w), drows = of(dy);
                Tensor y = empty_like(ctx, rows);
                const ops::NormRope operand{rows, &weight, 1e-6f, y};
                const ops::NormRopeGradient gradient{rows, &weight, 1e-6f, drows, y, nullptr};
                const ops::RopeTable& table = on_gpu ? device : host;
                if (backward) {
                    ops::norm_rope_backward_into(ctx, {&gradient, 1}, table, heads, tokens);
                } else {
                    ops::norm_rope_into(ctx, {&operand, 1}, table, heads, tokens);
                }
                return y;
            };
            for (const bool backward : {false, true})
                expect_parity(run(cpu(), false, backward), [&] { return run(gpu(), true, backward); });
        }
    }
}

TEST_P(SamplesOnGpu, PatchesAndLosses) {
    const Operand x = random({3, 2, 3, 4, 6}, 1, DType::f32), y = random({3, 2, 3, 4, 6}, 2, DType::f32);
    const Grid grid{3, 2, 3};
    expect_parity(ops::patchify(cpu(), x.host), [&] { return ops::patchify(gpu(), x.device); });
    const Tensor dx = ops::unpatchify_backward(cpu(), x.host);
    expect_parity(dx, [&] { return ops::unpatchify_backward(gpu(), x.device); });
    const Operand rows = random({54, 8}, 3);
    expect_parity(
        ops::unpatchify_samples(cpu(), rows.host, grid),
        [&] { return ops::unpatchify_samples(gpu(), rows.device, grid); }, DType::f32, bound());
    const ops::LossOptions options[] = {{0, 0.25f}, {1, 2.0f}, {2, 1.0f}};
    const ops::Losses expected = ops::squared_errors(cpu(), x.host, y.host, options),
                      losses = ops::squared_errors(gpu(), x.device, y.device, options);
    for (size_t i = 0; i < 3; ++i) EXPECT_NEAR(losses.values[i], expected.values[i], 1e-12 * expected.values[i]) << i;
    expect_parity(
        expected.gradient, [&] { return ops::squared_errors(gpu(), x.device, y.device, options).gradient; }, DType::f32,
        1e-6);
}

TEST_P(SamplesOnGpu, AddRow) {
    for (const int64_t width : {1, 7, 12, 192, 1536}) {
        const Operand x = random({5, width}, 1, DType::f32), row = random({width}, 2, DType::f32);
        expect_parity(
            ops::add_row(cpu(), x.host, row.host), [&] { return ops::add_row(gpu(), x.device, row.device); },
            DType::f32, 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, SamplesOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
