// Streamed layers: the same values as resident ones, in any order of use.
#include "nn/layer_store.h"

#include <gtest/gtest.h>

#include "nn/linear.h"
#include "nn/norm.h"
#include "support/tensors.h"

namespace t3video::nn {
namespace {

using namespace testing;

struct Layer {
    Linear linear{5, 7};
    RmsNorm norm{7, 1e-6f};

    template <class Visitor>
    void for_each_param(const std::string& prefix, Visitor&& visit) {
        linear.for_each_param(prefix + "linear.", visit);
        norm.for_each_param(prefix + "norm.", visit);
    }
    Tensor forward(Context& ctx, const Tensor& x) const { return norm.forward(ctx, linear.forward(ctx, x)); }
};

LayerStore<Layer> random_layers(Context& ctx, size_t count) {
    LayerStore<Layer> layers{std::vector<Layer>(count)};
    uint32_t seed = 1;
    layers.for_each_param("", [&](const std::string&, Param& param) {
        ++seed;
        param.value = randn(ctx, param.shape, seed, seed % 2 == 0 ? DType::bf16 : DType::f32);
    });
    return layers;
}

TEST(LayerStore, PackedLayersComputeTheSameBits) {
    Context ctx;
    const auto stored = random_layers(ctx, 3);
    auto packed = stored;
    packed.prepare(ctx, Residency::packed);
    const Tensor x = randn(ctx, {3, 5}, 99);
    for (size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(relative_error(packed.at(ctx, i, i).forward(ctx, x), stored.at(ctx, i, i).forward(ctx, x)), 0);
        EXPECT_EQ(packed.at(ctx, i, i).linear.weight.prepared.shape, (Shape{7, 5}));
    }
}

TEST(LayerStore, StreamedLayersComputeTheSameBits) {
    for (const size_t count : {1u, 2u, 3u, 6u}) {
        Context ctx;
        const auto resident = random_layers(ctx, count);
        auto streamed = resident;
        streamed.prepare(ctx, Residency::streamed);
        const Tensor x = randn(ctx, {3, 5}, 99);
        std::vector<size_t> order;
        for (size_t pass = 0; pass < 3; ++pass)
            for (size_t i = 0; i < count; ++i) order.push_back(i);
        order.insert(order.end(), {count - 1, 0, 0, count / 2, count / 2, count - 1});  // out of turn
        for (const size_t i : order) {
            const Tensor expected = resident.at(ctx, i, i).forward(ctx, x);
            for (const size_t next : {i, (i + 1) % count, (i + count - 1) % count}) {  // none, upwards, downwards
                const Tensor found = streamed.at(ctx, i, next).forward(ctx, x);
                EXPECT_EQ(relative_error(found, expected), 0) << "layer " << i << ", then " << next << " of " << count;
            }
        }
    }
}

TEST(LayerStore, TakesTwoSlotsWhateverTheNumberOfLayers) {
    const auto peak = [](size_t count, bool stream) {
        Context host, ctx = make_meta_context(DType::bf16);
        auto layers = random_layers(host, count);
        if (stream) layers.prepare(ctx, Residency::streamed);
        layers = resident(ctx, std::move(layers));
        const Tensor x = empty(ctx, {3, 5}, DType::bf16);
        for (size_t i = 0; i < count; ++i) layers.at(ctx, i, (i + 1) % count).forward(ctx, x);
        return ctx.allocator().peak();
    };
    EXPECT_EQ(peak(100, true), peak(10, true));
    EXPECT_LT(peak(100, true), peak(100, false) / 10);
}

// Two that share slots would overwrite one another's layers.
TEST(LayerStore, IsNotCopiedWhereLayersStream) {
    Context ctx;
    auto streamed = random_layers(ctx, 4);
    streamed.prepare(ctx, Residency::streamed);
    EXPECT_THROW(const LayerStore<Layer> copy(streamed), Error);
    const Tensor x = randn(ctx, {3, 5}, 99), expected = streamed.at(ctx, 1, 2).forward(ctx, x);
    const LayerStore<Layer> moved(std::move(streamed));
    EXPECT_EQ(relative_error(moved.at(ctx, 1, 2).forward(ctx, x), expected), 0);
}

TEST(LayerStore, ThrowsBehindTheLast) {
    Context ctx;
    auto layers = random_layers(ctx, 2);
    layers.prepare(ctx, Residency::streamed);
    EXPECT_THROW(layers.at(ctx, 2, 0), Error);
    EXPECT_THROW(layers.at(ctx, 0, 2), Error);
}

}  // namespace
}  // namespace t3video::nn
