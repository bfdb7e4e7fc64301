// Streamed weights give the bits of resident ones, and no more memory is used than a plan says.
#include <algorithm>
#include <cstring>

#include "cuda/parity.h"
#include "cuda/small_dit.h"
#include "film/published.h"
#include "models/umt5/model.h"
#include "models/wan_dit/model.h"
#include "nn/layer_store.h"

namespace t3video {
namespace {

using namespace testing;

// On a context of its own: layers are copied by the device's allocator itself.
class Streaming : public ::testing::TestWithParam<DType> {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
        gpu_.emplace(cuda::make_backend(0, GetParam(), size_t{4} << 30), 1);
    }
    Context& gpu() { return *gpu_; }

    template <class Model>
    Model random(Model model) {
        uint32_t seed = 1;
        model.for_each_param("", [&](const std::string&, nn::Param& param) {
            const float deviation = 1.0f / std::sqrt(float(param.shape.dim(-1)));
            Tensor x = randn(host_, param.shape, seed++);
            for (float& value : x.span<float>()) value *= deviation;
            param.value = ops::convert(host_, x, DType::bf16);
        });
        return model;
    }
    void expect_same_bits(const Tensor& a, const Tensor& b) {
        const Tensor x = to_host(gpu(), a), y = to_host(gpu(), b);
        ASSERT_EQ(x.shape(), y.shape());
        EXPECT_EQ(std::memcmp(x.raw(), y.raw(), x.bytes()), 0);
    }
    // Peaks of the device and of a run that only counts.
    template <class Run>
    void expect_planned(Run&& run) {
        gpu().allocator().reset_peak();
        const size_t before = gpu().allocator().peak();
        run(gpu());
        Context meta = make_meta_context(GetParam(), gpu().traits());
        run(meta);
        EXPECT_LE(gpu().allocator().peak() - before, meta.allocator().peak());
    }

    Context host_;
    std::optional<Context> gpu_;
};

// Half of the values that are stored.
class Halves : public Encoding {
  public:
    explicit Halves(Tensor stored) : stored_(std::move(stored)) {}
    std::string name() const override { return "halves"; }
    size_t bytes() const override { return stored_.bytes(); }
    int64_t group() const override { return 1; }
    void decode(int64_t first, int64_t count, float* values) const override {
        for (int64_t i = 0; i < count; ++i) values[i] = 0.5f * stored_.data<float>()[first + i];
    }

  private:
    Tensor stored_;
};

Tensor velocity(Context& ctx, const models::WanDit& dit) {
    Context host;
    const t3::LayoutWindows windows(ctx, {{3, 8, 12}, {{1, 2, 3}, {3, 1, 1}}});
    const Tensor latent = to_device(ctx, randn(host, {16, 3, 16, 24}, 5)),
                 rows = to_device(ctx, randn(host, {20, 64}, 6));
    const auto text = dit.embed_text(ctx, rows, 30);
    return dit.forward(ctx, dit.forward(ctx, latent, 700, text, windows), 300, text, windows);
}

// Of two branches, in one walk over the layers or in one each.
std::vector<Tensor> two_velocities(Context& ctx, const models::WanDit& dit, bool together) {
    Context host;
    const t3::LayoutWindows windows(ctx, {{3, 8, 12}, {{1, 2, 3}, {3, 1, 1}}});
    const Tensor latent = to_device(ctx, randn(host, {16, 3, 16, 24}, 5));
    const models::TextRows prompts[] = {{to_device(ctx, randn(host, {20, 64}, 6)), 30},
                                        {to_device(ctx, randn(host, {9, 64}, 7)), 41}};
    const std::vector<models::TextContext> texts = dit.embed_text(ctx, prompts);
    const models::DitBranch branches[] = {{texts[0]}, {texts[1], {.clean_frames = 1}}};
    if (together) return dit.forward(ctx, latent, 700, branches, windows);
    std::vector<Tensor> all;
    for (const auto& [text, conditioning] : branches)
        all.push_back(dit.forward(ctx, latent, 700, text, windows, conditioning));
    return all;
}

TEST_P(Streaming, BranchesTogetherAreBitIdentical) {
    const models::WanDit dit = random(models::WanDit(small_dit(5)));
    const auto expected = two_velocities(gpu(), nn::resident(gpu(), dit), false);
    for (const nn::Residency residency : {nn::Residency::resident, nn::Residency::streamed}) {
        const auto found = two_velocities(gpu(), nn::prepared(gpu(), dit, residency), true);
        for (size_t i = 0; i < 2; ++i) expect_same_bits(found[i], expected[i]);
    }
}

TEST_P(Streaming, TransformerIsBitIdentical) {
    for (const int64_t layers : {1, 2, 5}) {
        const models::WanDit dit = random(models::WanDit(small_dit(layers)));
        const Tensor resident = velocity(gpu(), nn::resident(gpu(), dit));
        for (int i = 0; i < 3; ++i)
            expect_same_bits(velocity(gpu(), nn::prepared(gpu(), dit, nn::Residency::streamed)), resident);
    }
}

TEST_P(Streaming, EncodedWeightsAreDecodedOnTheWay) {
    models::WanDit stored = random(models::WanDit(small_dit(2))), encoded = stored;
    stored.for_each_param("", [&](const std::string&, nn::Param& param) {
        param.value = clone(host_, ops::convert(host_, param.value, DType::f32));
    });
    encoded.for_each_param("", [&](const std::string&, nn::Param& param) {
        Tensor x = clone(host_, ops::convert(host_, param.value, DType::f32));
        if (x.rank() != 2) return;
        for (float& value : x.span<float>()) value *= 2;
        param.value = Stored(x.shape(), std::make_shared<Halves>(x));
    });
    const Tensor expected = velocity(gpu(), nn::resident(gpu(), stored));
    expect_same_bits(velocity(gpu(), nn::resident(gpu(), encoded)), expected);
    expect_same_bits(velocity(gpu(), nn::prepared(gpu(), encoded, nn::Residency::streamed)), expected);
}

TEST_P(Streaming, TextEncoderIsBitIdentical) {
    const models::Umt5 encoder = random(models::Umt5(models::Umt5Config{
        .vocabulary = 50, .dim = 64, .layers = 3, .heads = 4, .inner_dim = 64, .ffn_dim = 128, .buckets = 32}));
    const std::vector<int64_t> ids{3, 1, 4, 1, 5, 9, 2, 6};
    const Tensor resident = nn::resident(gpu(), encoder).forward(gpu(), ids);
    expect_same_bits(nn::prepared(gpu(), encoder, nn::Residency::streamed).forward(gpu(), ids), resident);
}

TEST_P(Streaming, NoMoreMemoryThanPlanned) {
    const models::WanDit dit = random(models::WanDit(small_dit(4)));
    expect_planned([&](Context& ctx) { velocity(ctx, nn::resident(ctx, dit)); });
    expect_planned([&](Context& ctx) { velocity(ctx, nn::prepared(ctx, dit, nn::Residency::streamed)); });
    expect_planned([&](Context& ctx) { two_velocities(ctx, nn::prepared(ctx, dit, nn::Residency::streamed), true); });
    if (GetParam() == DType::f32) return;  // a type for comparisons, in which only cuDNN knows what scratch it takes
    const models::WanVae vae = random(models::WanVae(film::wan21_vae()));
    for (const int64_t band_rows : {0, 64}) {
        expect_planned([&](Context& ctx) {
            const Tensor latent = zeros(ctx, {16, 3, 24, 30});
            nn::resident(ctx, vae).decode(ctx, latent, [](const Tensor&, int64_t, int64_t) {},
                                          {.band_rows = band_rows});
        });
    }
}

INSTANTIATE_TEST_SUITE_P(Types, Streaming, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
