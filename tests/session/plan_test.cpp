// Plans: work against formulas by hand, memory that repeats, bands and weights as memory allows.
#include <gtest/gtest.h>

#include "core/readable_bytes.h"
#include "film/published.h"
#include "session/planned.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::session {
namespace {

using namespace testing;

TEST(Plan, TextIsTheEncoderTwice) {
    Planned p;
    const auto& c = p.networks.text_encoder.config();
    const double n = double(models::kTextRows), dim = double(c.dim), inner = double(c.inner_dim),
                 layers = double(c.layers);
    const plan::Plan plan = p.plan(cpu());
    ASSERT_EQ(plan.stages.size(), 3u);
    EXPECT_EQ(plan.stages[0].name, "text");
    const double products = 4 * dim * inner + 3 * dim * double(c.ffn_dim);
    EXPECT_DOUBLE_EQ(plan.stages[0].work.matrix, 2 * layers * 2 * n * products);
    EXPECT_DOUBLE_EQ(plan.stages[0].work.attention, 2 * layers * 4 * n * n * inner);
}

// By hand: projections, feed-forward and both attentions of every layer, twice per step; embeddings; prompts once.
void expect_denoising(const plan::Plan& plan, const Planned& p) {
    const auto& c = p.networks.dit().config();
    const double n = double(p.film.size.grid.tokens()), d = double(c.dim), rows = double(models::kTextRows),
                 layers = double(c.layers), passes = 2 * double(p.film.settings.steps);
    const double block = n * (6 * d * d + 2 * d * double(c.ffn_dim));
    const double ends = n * 4 * d * double(c.in_channels + c.out_channels) + double(c.freq_dim) * d + 7 * d * d;
    const double prompt = rows * (double(c.text_dim) * d + d * d + layers * 2 * d * d);
    double pairs = layers * n * rows;
    for (int64_t i = 0; i < c.layers; ++i)
        pairs += t3::scored_pairs(p.film.size.grid, p.film.attention.layout.of_layer(i));
    const Work& work = plan.stages.at(1).work;
    EXPECT_EQ(plan.stages[1].name, "denoise");
    EXPECT_NEAR(work.matrix / (2 * passes * (layers * block + ends) + 2 * 2 * prompt), 1, 1e-9);
    EXPECT_NEAR(work.attention / (passes * 4 * d * pairs), 1, 1e-9);
    EXPECT_EQ(work.convolution, 0);
}

TEST(Plan, DenoisingIsItsLayers) {
    Planned demo;
    expect_denoising(demo.plan(cpu()), demo);
    Planned full({.width = 320, .height = 192, .frames = 9, .steps = 3, .solver = "unipc"});
    expect_denoising(full.plan(cpu()), full);
    expect_denoising(full.plan(gpu(64 * kGiB)), full);  // bf16 on a GPU: the same work
}

TEST(Plan, StepsDoneAreNotPlannedAgain) {
    Planned p;
    const plan::Plan all = p.plan(cpu()), half = p.plan(cpu(), done(12)), none = p.plan(cpu(), done(24));
    ASSERT_EQ(half.stages.size(), 2u);
    EXPECT_NEAR(half.stages[0].work.attention / all.stages[1].work.attention, 0.5, 1e-9);
    ASSERT_EQ(none.stages.size(), 1u);
    EXPECT_EQ(none.stages[0].name, "decode");
}

TEST(Plan, DecodingInBandsTakesLessMemoryForTheSameWork) {
    Planned p({.width = 256, .height = 1024});
    const plan::Plan whole = p.plan(cpu());
    ASSERT_EQ(whole.stages.at(2).band_rows, 0);
    const plan::Plan bands = p.plan(cpu(whole.stages.at(2).bytes * 7 / 10));
    EXPECT_GT(bands.stages.at(2).band_rows, 0);
    EXPECT_EQ(bands.too_large(), nullptr) << readable_bytes(bands.bytes());
    EXPECT_LT(bands.stages[2].bytes, whole.stages[2].bytes);
    EXPECT_EQ(bands.stages[2].work.convolution, whole.stages[2].work.convolution);
}

TEST(Plan, BandsAreAsTallAsTheBudgetAllows) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    const Shape latent{16, 5, 136, 60};
    plan::Machine machine = gpu(64 * kGiB);
    const plan::StagePlan all = plan_decode(networks.vae, latent, machine);
    const double whole = double(all.bytes - machine.taken);
    EXPECT_EQ(all.band_rows, 0);
    for (const double share : {0.9, 0.6, 0.4}) {
        machine.decode_budget = static_cast<int64_t>(share * whole);
        const plan::StagePlan stage = plan_decode(networks.vae, latent, machine);
        EXPECT_GT(stage.band_rows, 0);
        EXPECT_LE(stage.bytes, static_cast<size_t>(machine.decode_budget) + machine.taken) << share;
        plan::Machine tighter = machine;
        tighter.decode_budget = static_cast<int64_t>(stage.bytes - machine.taken) - 1;
        EXPECT_LT(plan_decode(networks.vae, latent, tighter).band_rows, stage.band_rows);
    }
}

TEST(Plan, RepeatsItself) {
    Planned p;
    for (const plan::Machine& machine : {cpu(), gpu(64 * kGiB)}) {
        const plan::Plan first = p.plan(machine), second = p.plan(machine);
        for (size_t i = 0; i < first.stages.size(); ++i) {
            EXPECT_EQ(first.stages[i].bytes, second.stages[i].bytes) << first.stages[i].name;
            EXPECT_GT(first.stages[i].bytes, machine.taken);
        }
    }
}

// What must be in memory at once at the least: weights, and of 685,440 tokens the residual stream in f32, queries,
// keys, values and the result of attention in bf16.
TEST(Plan, FourK) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    const film::Film film = film_of(networks, {.width = 3840, .height = 2160});
    const double tokens = double(film.size.grid.tokens());
    ASSERT_EQ(tokens, 685440);
    const plan::Plan plan = plan_film(networks, film, {}, gpu(80 * kGiB));
    const double least = tokens * 1536 * (4 + 4 * 2) + 1.41e9 * 2 + double(kGiB);
    EXPECT_GT(double(plan.stages[1].bytes), least);
    EXPECT_LT(double(plan.stages[1].bytes), 1.5 * least);
    EXPECT_GT(plan.stages[0].weights, size_t{8} << 30);  // without the table of 256384 rows, which stays on the host
    EXPECT_EQ(plan.too_large(), nullptr) << readable_bytes(plan.bytes());
}

// Where all weights do not fit, two layers at a time do.
TEST(Plan, StreamsWeightsThatDoNotFit) {
    const film::Networks networks = film::published_networks("wan2.2-5b");
    const film::Film film = film_of(networks, {.width = 640, .height = 384, .frames = 9});
    const plan::Plan large = plan_film(networks, film, {}, gpu(40 * kGiB)),
                     small = plan_film(networks, film, {}, gpu(7 * kGiB));
    for (const char* stage : {"text", "denoise"}) {
        EXPECT_EQ(large.find(stage)->residency, nn::Residency::resident);
        EXPECT_EQ(small.find(stage)->residency, nn::Residency::streamed);
    }
    EXPECT_EQ(small.too_large(), nullptr) << readable_bytes(small.bytes());
    EXPECT_GT(large.bytes(), 9 * kGiB);
    EXPECT_EQ(small.stages[1].work.matrix, large.stages[1].work.matrix);
    EXPECT_TRUE(small.find("denoise")->together);
    EXPECT_EQ(small.stages[1].weights, (1 + 50) * large.stages[1].weights);  // once for both prompts, once a step
    plan::Plan timed = small;
    timed.estimate({.matrix = 1e15, .attention = 1e15, .convolution = 1e15, .bytes = 1e13, .upload = 1e10});
    EXPECT_DOUBLE_EQ(timed.stages[1].seconds, double(timed.stages[1].weights) / 1e10);  // waits for the weights
}

// Guidance's branches cross streamed layers together where there is room for a second residual stream, else they take
// turns, for which every layer comes to the GPU twice a step.
TEST(Plan, BranchesTakeTurnsWhereMemoryIsShort) {
    const film::Networks networks = film::published_networks("wan2.2-5b");
    film::Film film = film_of(networks, {.width = 1280, .height = 704, .frames = 41, .steps = 3});
    const auto denoise = [&](size_t allowed) { return plan_film(networks, film, done(), gpu(allowed)); };
    const size_t resident = denoise(80 * kGiB).stages.at(0).bytes, once = denoise(80 * kGiB).stages.at(0).weights;
    const plan::Plan together = denoise(resident - 1);
    const size_t both = together.stages.at(0).bytes;
    const plan::Plan apart = denoise(both - 1);
    const size_t alone = apart.stages.at(0).bytes;
    EXPECT_FALSE(denoise(80 * kGiB).find("denoise")->together);
    EXPECT_TRUE(together.find("denoise")->together);
    EXPECT_EQ(apart.find("denoise")->residency, nn::Residency::streamed);
    EXPECT_FALSE(apart.find("denoise")->together);
    EXPECT_LT(alone, both);
    const double stream = double(film.size.grid.tokens() * networks.dit().config().dim) * sizeof(float);
    EXPECT_NEAR(double(both - alone), stream, 0.02 * stream);
    EXPECT_TRUE(denoise(both).find("denoise")->together);
    EXPECT_EQ(denoise(alone).stages.at(0).bytes, alone);
    EXPECT_EQ(denoise(alone - 1).too_large()->name, "denoise");
    EXPECT_EQ(together.stages[0].weights, (1 + 3) * once);
    EXPECT_EQ(apart.stages[0].weights, (1 + 2 * 3) * once);
    EXPECT_EQ(together.stages[0].work.matrix, apart.stages[0].work.matrix);
    EXPECT_EQ(together.stages[0].about_weights(), ", weights streamed once a step");

    film.settings.cfg = 1;  // one branch
    const plan::Plan single = denoise(both - 1);
    EXPECT_FALSE(single.find("denoise")->together);
    EXPECT_EQ(single.stages[0].weights, (1 + 3) * once);
}

// On the CPU, where weights are used for many passes and there is room.
TEST(Plan, PacksWeightsWhereMemoryAllows) {
    Planned p;
    plan::Machine machine = cpu();
    const plan::Plan stored = p.plan(machine);
    machine.packing = machine.allowed;
    const plan::Plan packed = p.plan(machine);
    EXPECT_EQ(stored.find("denoise")->residency, nn::Residency::resident);
    EXPECT_EQ(packed.find("denoise")->residency, nn::Residency::packed);
    EXPECT_EQ(packed.find("text")->residency, nn::Residency::resident);
    EXPECT_EQ(packed.find("decode")->residency, nn::Residency::packed);
    size_t convolutions = 0;
    p.networks.vae.for_each_param("", [&](const std::string& name, const nn::Param& param) {
        if (name.starts_with("decoder.") && param.role == nn::Role::convolution)
            convolutions += size_t(param.shape.numel()) * sizeof(float);
    });
    EXPECT_GT(packed.stages[2].bytes, convolutions);
    EXPECT_GT(packed.stages[2].bytes, stored.stages[2].bytes);
    size_t weights = 0;
    p.networks.experts[0].dit.for_each_param("blocks.", [&](const std::string& name, const nn::Param& param) {
        if (name.starts_with("blocks.") && param.role == nn::Role::matrix)
            weights += size_t(param.shape.numel()) * sizeof(float);
    });
    EXPECT_GE(packed.stages[1].bytes, weights);
    EXPECT_GT(packed.stages[1].bytes, stored.stages[1].bytes);
    EXPECT_EQ(packed.stages[1].work.matrix, stored.stages[1].work.matrix);

    machine.packing = packed.stages[1].bytes - 1;
    EXPECT_EQ(p.plan(machine).find("denoise")->residency, nn::Residency::resident);
    machine.packing = machine.allowed;
    EXPECT_EQ(p.plan(machine, done(23)).find("denoise")->residency, nn::Residency::packed);
    p.film.settings.cfg = 1;  // two passes, that of the plan's own count included
    EXPECT_EQ(p.plan(machine, done(23)).find("denoise")->residency, nn::Residency::resident);
}

// The matrices of a LoRA lie in memory of their own.
TEST(Plan, CountsLoras) {
    const TemporaryFolder folder;
    Planned plain, with_lora;
    with_lora.add_lora(folder, 1000);
    const plan::Plan a = plain.plan(cpu()), b = with_lora.plan(cpu());
    for (size_t i = 0; i < a.stages.size(); ++i)
        EXPECT_GE(b.stages[i].bytes, a.stages[i].bytes + size_t{4} * 1000 * (192 + 416)) << a.stages[i].name;
}

// Of a long film the rows that bands hand on take more than whole frames.
TEST(Plan, LongFilmsAreDecodedWhole) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    plan::Machine machine = cpu();
    machine.decode_budget = size_t{1} << 30;
    const Shape latent{16, 10'001, 60, 104};
    const plan::StagePlan stage = plan_decode(networks.vae, latent, machine);
    EXPECT_EQ(stage.band_rows, 0);
    // In bands, 40,001 frames of 832x480 would wait: 45 GiB, beside the latent.
    EXPECT_LT(stage.bytes, 20 * kGiB) << readable_bytes(stage.bytes);
}

}  // namespace
}  // namespace t3video::session
