// Plans: work against formulas by hand, memory that repeats, refusals that say what would fit.
#include "pipeline/plan.h"

#include <gtest/gtest.h>

#include "checkpoint/tensor_source.h"
#include "pipeline/embed.h"
#include "pipeline/published.h"
#include "support/errors.h"
#include "support/files.h"
#include "support/tensors.h"

namespace t3video::pipeline {
namespace {

using namespace testing;

constexpr size_t kGiB = size_t{1} << 30;

struct Planned {
    ModelFiles files;
    Models models;
    SettingChoices choices;
    Film film;

    explicit Planned(SettingChoices c = {})
        : files(find_model(demo_model_folder())), models(load_models(files)), choices(c), film(make(c)) {}
    Film make(const SettingChoices& c) { return make_film(files, models.traits(), c, Attention::automatic, {}); }
    Plan plan(const Machine& machine, const Done& done = {}) { return plan_film(models, film, machine, done); }
    FilmMaker others() { return other_films(files, models.traits(), choices); }
};

Machine cpu(size_t allowed = 64 * kGiB) {
    return {.allowed = allowed, .decode_budget = static_cast<int64_t>(allowed / 2)};
}

Machine gpu(size_t allowed) {
    return {.device = {.id = {Device::cuda}},
            .compute_type = DType::bf16,
            .allowed = allowed,
            .taken = kGiB,
            .decode_budget = int64_t{16} << 30};
}

TEST(Plan, TextIsTheEncoderTwice) {
    Planned p;
    const auto& c = p.models.text_encoder.config();
    const double n = double(kTextRows), dim = double(c.dim), inner = double(c.inner_dim), layers = double(c.layers);
    const Plan plan = p.plan(cpu());
    ASSERT_EQ(plan.stages.size(), 3u);
    EXPECT_EQ(plan.stages[0].name, "text");
    const double products = 4 * dim * inner + 3 * dim * double(c.ffn_dim);
    EXPECT_DOUBLE_EQ(plan.stages[0].work.matrix, 2 * layers * 2 * n * products);
    EXPECT_DOUBLE_EQ(plan.stages[0].work.attention, 2 * layers * 4 * n * n * inner);
}

// By hand: projections, feed-forward and both attentions of every layer, twice per step; embeddings; prompts once.
void expect_denoising(const Plan& plan, const Planned& p) {
    const auto& c = p.models.dit().config();
    const double n = double(p.film.frames.grid.tokens()), d = double(c.dim), rows = double(kTextRows),
                 layers = double(c.layers), passes = 2 * double(p.film.settings.steps);
    const double block = n * (6 * d * d + 2 * d * double(c.ffn_dim));
    const double ends = n * 4 * d * double(c.in_channels + c.out_channels) + double(c.freq_dim) * d + 7 * d * d;
    const double prompt = rows * (double(c.text_dim) * d + d * d + layers * 2 * d * d);
    double pairs = layers * n * rows;
    for (int64_t i = 0; i < c.layers; ++i)
        pairs += t3::scored_pairs(p.film.frames.grid, p.film.attention.layout.of_layer(i));
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
    const Plan all = p.plan(cpu()), half = p.plan(cpu(), {.text = true, .steps = 12}),
               none = p.plan(cpu(), {.text = true, .steps = 24});
    ASSERT_EQ(half.stages.size(), 2u);
    EXPECT_NEAR(half.stages[0].work.attention / all.stages[1].work.attention, 0.5, 1e-9);
    ASSERT_EQ(none.stages.size(), 1u);
    EXPECT_EQ(none.stages[0].name, "decode");
}

TEST(Plan, DecodingInBandsTakesLessMemoryForTheSameWork) {
    Planned p({.width = 256, .height = 1024});
    const Plan whole = p.plan(cpu());
    ASSERT_EQ(whole.band_rows, 0);
    const Plan bands = p.plan(cpu(whole.stages.at(2).bytes * 7 / 10));
    EXPECT_GT(bands.band_rows, 0);
    EXPECT_EQ(bands.too_large(), nullptr) << readable_bytes(bands.bytes());
    EXPECT_LT(bands.stages[2].bytes, whole.stages[2].bytes);
    EXPECT_EQ(bands.stages[2].work.convolution, whole.stages[2].work.convolution);
}

TEST(Plan, BandsAreAsTallAsTheBudgetAllows) {
    const Models models = published_models("wan2.1-1.3b");
    const Shape latent{16, 5, 136, 60};
    Machine machine = gpu(64 * kGiB);
    int64_t rows = -1;
    const double whole = double(plan_decode(models.vae, latent, machine, rows).bytes - machine.taken);
    EXPECT_EQ(rows, 0);
    for (const double share : {0.9, 0.6, 0.4}) {
        machine.decode_budget = static_cast<int64_t>(share * whole);
        const StagePlan stage = plan_decode(models.vae, latent, machine, rows);
        EXPECT_GT(rows, 0);
        EXPECT_LE(stage.bytes, static_cast<size_t>(machine.decode_budget) + machine.taken) << share;
        Machine tighter = machine;
        tighter.decode_budget = static_cast<int64_t>(stage.bytes - machine.taken) - 1;
        int64_t lower = 0;
        plan_decode(models.vae, latent, tighter, lower);
        EXPECT_LT(lower, rows);
    }
}

TEST(Plan, RepeatsItself) {
    Planned p;
    for (const Machine& machine : {cpu(), gpu(64 * kGiB)}) {
        const Plan first = p.plan(machine), second = p.plan(machine);
        for (size_t i = 0; i < first.stages.size(); ++i) {
            EXPECT_EQ(first.stages[i].bytes, second.stages[i].bytes) << first.stages[i].name;
            EXPECT_GT(first.stages[i].bytes, machine.taken);
        }
    }
}

// What must be in memory at once at the least: weights, and of 685,440 tokens the residual stream in f32, queries,
// keys, values and the result of attention in bf16.
TEST(Plan, FourK) {
    const Models models = published_models("wan2.1-1.3b");
    const Film film = make_film({}, models.traits(), {.width = 3840, .height = 2160}, Attention::automatic, {});
    const double tokens = double(film.frames.grid.tokens());
    ASSERT_EQ(tokens, 685440);
    const Plan plan = plan_film(models, film, gpu(80 * kGiB));
    const double least = tokens * 1536 * (4 + 4 * 2) + 1.41e9 * 2 + double(kGiB);
    EXPECT_GT(double(plan.stages[1].bytes), least);
    EXPECT_LT(double(plan.stages[1].bytes), 1.5 * least);
    EXPECT_GT(plan.stages[0].weights, size_t{8} << 30);  // without the table of 256384 rows, which stays on the host
    EXPECT_EQ(plan.too_large(), nullptr) << readable_bytes(plan.bytes());
}

// Where all weights do not fit, two layers at a time do.
TEST(Plan, StreamsWeightsThatDoNotFit) {
    const Models models = published_models("wan2.2-5b");
    const Film film =
        make_film({}, models.traits(), {.width = 640, .height = 384, .frames = 9}, Attention::automatic, {});
    const Plan large = plan_film(models, film, gpu(40 * kGiB)), small = plan_film(models, film, gpu(7 * kGiB));
    for (const char* stage : {"text", "denoise"}) {
        EXPECT_EQ(large.keep(stage), nn::Keep::placed);
        EXPECT_EQ(small.keep(stage), nn::Keep::streamed);
    }
    EXPECT_EQ(small.too_large(), nullptr) << readable_bytes(small.bytes());
    EXPECT_GT(large.bytes(), 9 * kGiB);
    EXPECT_EQ(small.stages[1].work.matrix, large.stages[1].work.matrix);
    EXPECT_TRUE(small.together("denoise"));
    EXPECT_EQ(small.stages[1].weights, (1 + 50) * large.stages[1].weights);  // once for both prompts, once a step
    Plan timed = small;
    timed.estimate({.matrix = 1e15, .attention = 1e15, .convolution = 1e15, .bytes = 1e13, .upload = 1e10});
    EXPECT_DOUBLE_EQ(timed.stages[1].seconds, double(timed.stages[1].weights) / 1e10);  // waits for the weights
}

// On the CPU, where weights are used for many passes and there is room.
TEST(Plan, PacksWeightsWhereMemoryAllows) {
    Planned p;
    Machine machine = cpu();
    const Plan stored = p.plan(machine);
    machine.packing = machine.allowed;
    const Plan packed = p.plan(machine);
    EXPECT_EQ(stored.keep("denoise"), nn::Keep::placed);
    EXPECT_EQ(packed.keep("denoise"), nn::Keep::packed);
    EXPECT_EQ(packed.keep("text"), nn::Keep::placed);
    EXPECT_EQ(packed.keep("decode"), nn::Keep::packed);
    size_t convolutions = 0;
    p.models.vae.for_each_param("", [&](const std::string& name, const nn::Param& param) {
        if (name.starts_with("decoder.") && param.role == nn::Role::convolution)
            convolutions += size_t(param.shape.numel()) * sizeof(float);
    });
    EXPECT_GT(packed.stages[2].bytes, convolutions);
    EXPECT_GT(packed.stages[2].bytes, stored.stages[2].bytes);
    size_t weights = 0;
    p.models.experts[0].dit.for_each_param("blocks.", [&](const std::string& name, const nn::Param& param) {
        if (name.starts_with("blocks.") && param.role == nn::Role::matrix)
            weights += size_t(param.shape.numel()) * sizeof(float);
    });
    EXPECT_GE(packed.stages[1].bytes, weights);
    EXPECT_GT(packed.stages[1].bytes, stored.stages[1].bytes);
    EXPECT_EQ(packed.stages[1].work.matrix, stored.stages[1].work.matrix);

    machine.packing = packed.stages[1].bytes - 1;
    EXPECT_EQ(p.plan(machine).keep("denoise"), nn::Keep::placed);
    machine.packing = machine.allowed;
    EXPECT_EQ(p.plan(machine, {.text = true, .steps = 23}).keep("denoise"), nn::Keep::packed);
    p.film.settings.cfg = 1;  // two passes, that of the plan's own count included
    EXPECT_EQ(p.plan(machine, {.text = true, .steps = 23}).keep("denoise"), nn::Keep::placed);
}

// The matrices of a LoRA lie in memory of their own.
TEST(Plan, CountsLoras) {
    const TemporaryFolder folder;
    std::map<std::string, Tensor> tensors;
    Context ctx;
    tensors["blocks.0.ffn.0.lora_A.weight"] = randn(ctx, {1000, 192}, 1, DType::bf16);
    tensors["blocks.0.ffn.0.lora_B.weight"] = randn(ctx, {416, 1000}, 2, DType::bf16);
    checkpoint::save_safetensors(folder / "lora.safetensors", tensors);
    Planned plain, with_lora;
    with_lora.files.loras = {{folder / "lora.safetensors", 1}};
    with_lora.models = load_models(with_lora.files);
    const Plan a = plain.plan(cpu()), b = with_lora.plan(cpu());
    for (size_t i = 0; i < a.stages.size(); ++i)
        EXPECT_GE(b.stages[i].bytes, a.stages[i].bytes + size_t{4} * 1000 * (192 + 416)) << a.stages[i].name;
}

// All that --memory allows, but half of what happens to be free.
TEST(Plan, LeavesRoomWhereMemoryWasNotAsked) {
    Context ctx;
    EXPECT_EQ(machine_of(ctx, int64_t{1} << 30).packing, kGiB);
    const Machine free = machine_of(ctx);
    EXPECT_EQ(free.packing, free.allowed / 2);
}

TEST(Plan, RefusalSaysWhatFits) {
    Planned p({.width = 640, .height = 384, .frames = 161});
    const Plan plan = p.plan(cpu(size_t{220} << 20));
    ASSERT_NE(plan.too_large(), nullptr);
    expect_invalid([&] { require_fits(plan, p.models, p.film, cpu(size_t{220} << 20), p.others()); },
                   {"640x384, 161 frames", "220 MiB may be used", "--frames ", "--size "});
    expect_invalid([&] { require_fits(p.plan(cpu(1 << 20)), p.models, p.film, cpu(1 << 20), p.others()); },
                   {"1 MiB may be used", "no smaller film"});
    require_fits(p.plan(cpu()), p.models, p.film, cpu(), p.others());
}

// The frames that a refusal names fit, and the next larger number does not.
TEST(Plan, AdviceIsTheLargestThatFits) {
    Planned p({.width = 640, .height = 384, .frames = 161});
    const Machine machine = cpu(size_t{220} << 20);
    try {
        require_fits(p.plan(machine), p.models, p.film, machine, p.others());
        FAIL() << "accepted";
    } catch (const InvalidRequest& refusal) {
        const std::string message = refusal.what(), option = "fits: --frames ";
        const size_t at = message.find(option);
        ASSERT_NE(at, std::string::npos) << message;
        const int64_t frames = std::stoll(message.substr(at + option.size()));
        const auto fits = [&](int64_t count) {
            return plan_film(p.models, p.others()(640, 384, count), machine).too_large() == nullptr;
        };
        EXPECT_TRUE(fits(frames)) << message;
        EXPECT_FALSE(fits(frames + 4)) << message;
    }
}

// The number behind an option in a refusal; 0 if it is not there.
int64_t advised(const std::string& message, const std::string& option) {
    const size_t at = message.find(option, message.find("what fits"));
    return at == std::string::npos ? 0 : std::stoll(message.substr(at + option.size()));
}

std::string refusal_of(Planned& p, const Machine& machine) {
    try {
        require_fits(p.plan(machine), p.models, p.film, machine, p.others());
    } catch (const InvalidRequest& refusal) {
        return refusal.what();
    }
    return {};
}

// Whatever stage it is that does not fit: a LoRA's matrices, a video that is encoded, or bands count as well.
TEST(Plan, WhatIsAdvisedFits) {
    const TemporaryFolder folder;
    std::map<std::string, Tensor> tensors;
    Context ctx;
    tensors["blocks.0.ffn.0.lora_A.weight"] = randn(ctx, {30000, 192}, 1, DType::bf16);
    tensors["blocks.0.ffn.0.lora_B.weight"] = randn(ctx, {416, 30000}, 2, DType::bf16);
    checkpoint::save_safetensors(folder / "lora.safetensors", tensors);
    int64_t sizes = 0, lengths = 0;
    for (const Source source : {Source::noise, Source::video}) {
        for (const bool lora : {false, true}) {
            for (const size_t mib : {240, 300, 420, 600}) {
                SettingChoices choices{.width = 832, .height = 480, .frames = 201, .source = source};
                if (source == Source::video) choices.strength = 0.5;
                Planned p(choices);
                if (lora) {
                    p.files.loras = {{folder / "lora.safetensors", 1}};
                    p.models = load_models(p.files);
                }
                const Machine machine = cpu(mib << 20);
                const std::string refusal = refusal_of(p, machine);
                ASSERT_NE(refusal, "") << mib;
                const auto fits = [&](int64_t width, int64_t height, int64_t frames) {
                    return plan_film(p.models, p.others()(width, height, frames), machine).too_large() == nullptr;
                };
                if (const int64_t frames = advised(refusal, "--frames ")) {
                    ++lengths;
                    EXPECT_TRUE(fits(832, 480, frames)) << refusal;
                }
                if (const int64_t width = advised(refusal, "--size ")) {
                    ++sizes;
                    const int64_t height = advised(refusal, concat("--size ", width, 'x'));
                    EXPECT_TRUE(fits(width, height, 201)) << refusal;
                }
            }
        }
    }
    EXPECT_GT(sizes, 4);
    EXPECT_GT(lengths, 4);
}

// Windows that are known for one grid do not come with another.
TEST(Plan, AdviceNamesAttention) {
    Planned p({.width = 448, .height = 256, .frames = 17});
    ASSERT_NE(p.film.attention.layout.patterns, t3::full_attention({}).patterns);
    const std::string refusal = refusal_of(p, cpu(p.plan(cpu()).bytes() - 1));
    EXPECT_NE(refusal.find("--frames 13 --attention full"), std::string::npos) << refusal;
}

// Amounts that are nearly the same are told apart.
TEST(Plan, RefusalIsExact) {
    Planned p;
    for (const size_t less : {size_t{1}, size_t{5} << 20}) {
        const size_t needed = p.plan(cpu()).bytes(), allowed = needed - less;
        const std::string refusal = refusal_of(p, cpu(allowed));
        const auto say = [&](size_t bytes) {
            return less == 1 ? concat(bytes, " bytes") : concat((bytes + (1 << 20) - 1) >> 20, " MiB");
        };
        EXPECT_NE(refusal.find(concat("needs ", say(needed), ", but ", say(allowed), " may be used")),
                  std::string::npos)
            << refusal;
    }
    const Models models = published_models("wan2.1-1.3b");
    const auto make = other_films({}, models.traits(), {});
    const Film film = make(832, 480, 81);
    Machine machine = cpu();
    machine.packing = 0;
    const Plan whole = plan_film(models, film, machine);
    machine.allowed = std::ranges::find(whole.stages, "denoise", &StagePlan::name)->bytes - (size_t{3} << 20);
    ASSERT_GT(machine.allowed, kGiB);
    expect_invalid([&] { require_fits(plan_film(models, film, machine), models, film, machine, make); },
                   {" MiB, but ", " MiB may be used"});
}

// Of a long film the rows that bands hand on take more than whole frames.
TEST(Plan, LongFilmsAreDecodedWhole) {
    const Models models = published_models("wan2.1-1.3b");
    Machine machine = cpu();
    machine.decode_budget = size_t{1} << 30;
    int64_t rows = -1;
    const Shape latent{16, 10'001, 60, 104};
    const StagePlan stage = plan_decode(models.vae, latent, machine, rows);
    EXPECT_EQ(rows, 0);
    // In bands, 40,001 frames of 832x480 would wait: 45 GiB, beside the latent.
    EXPECT_LT(stage.bytes, 20 * kGiB) << readable_bytes(stage.bytes);
}

TEST(Plan, PublishedNames) {
    expect_invalid([] { published_models("wan3"); }, {"--published wan3", "wan2.1-1.3b or wan2.2-5b"});
    EXPECT_EQ(published_models("wan2.2-5b").traits().cell, 32);
}

TEST(Plan, TimeIsWorkByRates) {
    Plan plan{.stages = {{.name = "text", .work = {10, 20, 30, 40}, .weights = 100}}};
    plan.estimate({.matrix = 10, .attention = 10, .convolution = 10, .bytes = 10, .upload = 50});
    EXPECT_DOUBLE_EQ(plan.seconds(), 1 + 2 + 3 + 4 + 2);
    plan.estimate({.matrix = 5, .attention = 10, .convolution = 10, .bytes = 10});
    EXPECT_DOUBLE_EQ(plan.seconds(), 2 + 2 + 3 + 4);
}

TEST(Plan, BytesInWords) {
    EXPECT_EQ(readable_bytes(1), "1 MiB");
    EXPECT_EQ(readable_bytes(size_t{250} << 20), "250 MiB");
    EXPECT_EQ(readable_bytes(17 * kGiB + 1), "17.1 GiB");
}

}  // namespace
}  // namespace t3video::pipeline
