// Films through step caches: the layers of a transformer skipped, and resumed between any two steps.
#include "session/step_cache.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "film/published.h"
#include "ops/elementwise.h"
#include "session/calibrate.h"
#include "session/denoise.h"
#include "session/tiny_dit.h"
#include "support/gradients.h"

namespace t3video::session {
namespace {

using namespace testing;
using sampling::Branch;
using sampling::CacheKind;
using sampling::CacheSettings;

struct CacheCase {
    std::string name;
    CacheSettings cache;
};

// Settings that skip some passes of the tiny transformer's twelve steps, and not all that could be.
const CacheCase kCaches[] = {
    {"easy", {.kind = CacheKind::easy, .threshold = 1.5, .first = 3}},
    {"tea", {.kind = CacheKind::tea, .threshold = 0.35, .coefficients = {0.1, 0.1}}},
    {"tea_ret", {.kind = CacheKind::tea_ret, .threshold = 0.35, .coefficients = {0.1, 0.1}}},
    {"mag",
     {.kind = CacheKind::mag,
      .threshold = 0.09,
      .most = 2,
      .retention = 0.2,
      .ratios = {{{1, 1.02, 0.97, 0.95}, {1, 1.03, 0.96, 0.97, 0.99}}}}},
};

class StepCaches : public ::testing::Test {
  protected:
    static constexpr int64_t kSteps = 12;

    void SetUp() override { make("euler"); }
    void make(const std::string& solver, double cfg = 4) {
        film_ = film::make_film({}, {.cell = 16},
                                {.width = 64, .height = 32, .frames = 5, .steps = kSteps, .cfg = cfg, .solver = solver},
                                film::Attention::automatic);
        schedule_ = film::solver_of(film_.settings).schedule({.steps = kSteps, .shift = 3});
        windows_.emplace(ctx_, film_.attention.layout);
    }
    PassPlan plan() const { return {.steps = passes_of(film_, experts_, schedule_), .cache = film_.settings.cache}; }
    ExpertsInTurn in_turn() {
        return {experts_, [this](size_t i) -> const models::WanDit& { return experts_[i].dit; }};
    }
    job::Embeddings embeddings() const { return {positive_, film_.guided() ? negative_ : Tensor()}; }
    Tensor denoise(DenoiseOptions options, sampling::SampleState start) {
        if (options.passes.steps.empty()) options.passes = plan();
        return denoise_film(ctx_, in_turn(), film_, embeddings(), schedule_, std::move(start), options);
    }
    Tensor denoise(DenoiseOptions options = {}) { return denoise(std::move(options), {.x = clone(ctx_, noise_)}); }
    // Of a whole run.
    std::vector<std::array<bool, 2>> computed(DenoiseOptions options = {}) {
        Tensor last;
        options.observer = [&](const sampling::SampleState& s) { last = s.further.at(kComputedPasses); };
        denoise(options);
        std::vector<std::array<bool, 2>> flags;
        for (int64_t i = 0; i < last.dim(0); ++i)
            flags.push_back({last.data<float>()[2 * i] == 1, last.data<float>()[2 * i + 1] == 1});
        return flags;
    }

    Context ctx_{2};
    std::vector<film::Expert> experts_{{tiny_dit(ctx_, 100)}};
    film::Film film_;
    sampling::Schedule schedule_;
    std::optional<t3::LayoutWindows> windows_;
    Tensor positive_ = randn(ctx_, {7, 8}, 1), negative_ = randn(ctx_, {5, 8}, 2);
    Tensor noise_ = randn(ctx_, {16, 2, 4, 8}, 3), first_frame_ = randn(ctx_, {16, 1, 4, 8}, 4);
};

// Euler by hand, layers skipped by hand, as the flags of the run say.
TEST_F(StepCaches, SkippedPassesTakeWhatTheLastComputedOneLeft) {
    for (const auto& [name, cache] : kCaches) {
        for (const bool conditioned : {false, true}) {
            film_.settings.cache = cache;
            const Tensor first = conditioned ? first_frame_ : Tensor();
            const auto flags = computed({.first_frame = first});
            const auto count = std::ranges::count_if(flags, [](const auto& step) { return step[0]; });
            EXPECT_GT(count, 2) << name;
            EXPECT_LT(count, kSteps) << name;
            const models::WanDit& dit = experts_[0].dit;
            const auto hold = [&](Tensor& x) {
                for (int64_t c = 0; conditioned && c < 16; ++c)
                    std::copy_n(first.data<float>() + c * 32, 32, x.data<float>() + c * 64);
            };
            Tensor x = clone(ctx_, noise_);
            hold(x);
            std::array<Tensor, 2> left;
            for (size_t i = 0; i < flags.size(); ++i) {
                std::vector<Tensor> v;
                for (size_t b = 0; b < 2; ++b) {
                    const Tensor& rows = b == 0 ? positive_ : negative_;
                    const auto text = dit.embed_text(ctx_, rows, 512 - rows.dim(0));
                    const models::DitBranch branch{text, {.clean_frames = conditioned ? 1 : 0}};
                    auto state = dit.enter(ctx_, x, schedule_.timesteps[i], branch);
                    const Tensor entered = clone(ctx_, state.x);
                    if (!flags[i][b] && cache.kind == CacheKind::easy) {
                        v.push_back(ops::add(ctx_, x, left[b]));
                        continue;
                    }
                    if (flags[i][b]) {
                        std::vector<models::DitBranchState> states{state};
                        dit.blocks(ctx_, states, *windows_, 0, 3);
                        state.x = states[0].x;
                        if (cache.kind != CacheKind::easy) left[b] = ops::axpby(ctx_, 1, state.x, -1, entered);
                    } else {
                        state.x = ops::add(ctx_, entered, left[b]);
                    }
                    v.push_back(dit.leave(ctx_, state));
                    if (cache.kind == CacheKind::easy) left[b] = ops::axpby(ctx_, 1, v.back(), -1, x);
                }
                const Tensor guided = ops::axpby(ctx_, 1, v[1], 4, ops::axpby(ctx_, 1, v[0], -1, v[1]));
                x = ops::axpby(ctx_, 1, x, float(schedule_.sigmas[i + 1] - schedule_.sigmas[i]), guided);
                hold(x);
            }
            EXPECT_LT(relative_error(denoise({.first_frame = first}), x), 1e-6) << name;
        }
    }
}

TEST_F(StepCaches, TogetherAndInHostMemoryTheBitsAreTheSame) {
    for (const auto& [name, cache] : kCaches) {
        film_.settings.cache = cache;
        film_.settings.guidance = {0.3, 0.95};
        const Tensor apart = denoise();
        EXPECT_TRUE(same_bits(denoise({.together = true}), apart)) << name;
        PassPlan on_host = plan();
        on_host.on_host = true;
        EXPECT_TRUE(same_bits(denoise({.passes = on_host}), apart)) << name;
        PassPlan all = plan();
        all.keep_all = true;
        EXPECT_TRUE(same_bits(denoise({.passes = all}), apart)) << name;
    }
}

// A cache that never skips, and an interval of all noise levels, change no bit.
TEST_F(StepCaches, WithoutSkippingTheFilmIsThePlainOne) {
    const Tensor plain = denoise();
    for (auto [name, cache] : kCaches) {
        cache.threshold = 1e-30;
        film_.settings.cache = cache;
        EXPECT_TRUE(same_bits(denoise(), plain)) << name;
    }
}

TEST_F(StepCaches, OutsideOfTheIntervalThePromptIsAlone) {
    film_.settings.guidance = {0.4, 0.9};
    const auto flags = computed();
    Tensor x = clone(ctx_, noise_);
    const models::WanDit& dit = experts_[0].dit;
    int64_t guided = 0;
    for (size_t i = 0; i < flags.size(); ++i) {
        const bool inside = schedule_.sigmas[i] >= 0.4 && schedule_.sigmas[i] <= 0.9;
        EXPECT_EQ(flags[i], (std::array{true, inside}));
        guided += inside;
        const auto velocity = [&](const Tensor& rows) {
            return dit.forward(ctx_, x, schedule_.timesteps[i], dit.embed_text(ctx_, rows, 512 - rows.dim(0)),
                               *windows_);
        };
        Tensor v = velocity(positive_);
        if (inside) {
            const Tensor without = velocity(negative_);
            v = ops::axpby(ctx_, 1, without, 4, ops::axpby(ctx_, 1, v, -1, without));
        }
        x = ops::axpby(ctx_, 1, x, float(schedule_.sigmas[i + 1] - schedule_.sigmas[i]), v);
    }
    EXPECT_GT(guided, 1);
    EXPECT_LT(guided, kSteps - 1);
    EXPECT_LT(relative_error(denoise(), x), 1e-6);
}

// Whatever is remembered is in the state: of any cache, solver and way through the layers.
TEST_F(StepCaches, AFilmGoesOnBetweenAnyTwoSteps) {
    const double boundary = schedule_.sigmas[6];
    for (const std::string solver : {"euler", "unipc"}) {
        for (const double cfg : {1.0, 4.0}) {
            make(solver, cfg);
            for (const bool two : {false, true}) {
                experts_.clear();
                experts_.push_back({tiny_dit(ctx_, 100), two ? boundary : 0.0, 1});
                if (two) experts_.push_back({tiny_dit(ctx_, 200), 0, boundary});
                for (const auto& [name, cache] : kCaches) {
                    film_.settings.cache = cache;
                    film_.settings.guidance = two ? sampling::GuidanceInterval{0.2, 1} : sampling::GuidanceInterval{};
                    std::vector<sampling::SampleState> states;
                    const DenoiseOptions options{.together = two, .first_frame = two ? first_frame_ : Tensor()};
                    DenoiseOptions watched = options;
                    watched.observer = [&](const sampling::SampleState& s) { states.push_back(s); };
                    const Tensor whole = denoise(watched);
                    ASSERT_EQ(states.size(), size_t(kSteps));
                    for (size_t i = 0; i + 1 < states.size(); ++i) {
                        Tensor flags;
                        DenoiseOptions rest = options;
                        rest.observer = [&](const sampling::SampleState& s) { flags = s.further.at(kComputedPasses); };
                        ASSERT_TRUE(same_bits(denoise(rest, states[i]), whole))
                            << name << " of " << solver << ", cfg " << cfg << ", after step " << i + 1;
                        ASSERT_TRUE(same_bits(flags, states.back().further.at(kComputedPasses))) << name;
                    }
                    EXPECT_EQ(states.back().further.size(), 1U) << "nothing waits behind the last step";
                }
            }
        }
    }
}

// What was made by one transformer is nothing to the next: its first step is computed.
TEST_F(StepCaches, AnExpertBeginsWithNothing) {
    const double boundary = schedule_.sigmas[6];
    experts_ = {{tiny_dit(ctx_, 100), boundary, 1}, {tiny_dit(ctx_, 200), 0, boundary}};
    for (auto [name, cache] : kCaches) {
        cache.threshold = 900;
        cache.most = 100;
        film_.settings.cache = cache;
        const auto flags = computed();
        EXPECT_EQ(flags[7], (std::array{true, true})) << name;
        EXPECT_EQ(flags[8], (std::array{name == "easy", name == "easy"}))
            << name << ": EasyCache has no rate before its second computed pass";
        EXPECT_EQ(flags[6], (std::array{false, false})) << name;
    }
}

// Steps that are skipped ask for no layer: no attention is counted. A pass alone is half of both.
TEST_F(StepCaches, WhatIsSkippedIsNotWalked) {
    negative_ = randn(ctx_, positive_.shape(), 2);  // prompts of other lengths take other work
    for (const auto& [name, cache] : kCaches) {
        film_.settings.cache = cache;
        film_.settings.guidance = {0.5, 1};
        for (const bool together : {false, true}) {
            std::vector<double> attention;
            Tensor flags;
            const double before = ctx_.work().attention;
            denoise({.together = together, .observer = [&](const sampling::SampleState& s) {
                         attention.push_back(ctx_.work().attention);
                         flags = s.further.at(kComputedPasses);
                     }});
            const double both = attention[0] - before;
            for (size_t i = 1; i < attention.size(); ++i) {
                const float *f = flags.data<float>() + 2 * i, passes = f[0] + f[1];
                EXPECT_DOUBLE_EQ(attention[i] - attention[i - 1], both * double(passes) / 2) << name << " step " << i;
            }
        }
    }
}

plan::Machine cpu_machine() {
    return {.allowed = size_t{64} << 30, .decode_budget = int64_t{32} << 30};
}

film::Networks networks_of(const std::vector<film::Expert>& experts) {
    film::Networks networks = film::published_networks("wan2.1-1.3b");
    networks.experts = experts;
    return networks;
}

// The plan counts the work that is done, pass by pass, and no less memory than the run takes. EasyCache decides on its
// way: at most so much.
TEST_F(StepCaches, PlansCoverWhatRuns) {
    const film::Networks networks = networks_of(experts_);
    for (const std::string solver : {"euler", "unipc"}) {
        make(solver);
        for (const auto& [name, cache] : kCaches) {
            for (const bool interval : {false, true}) {
                film_.settings.cache = cache;
                film_.settings.guidance = interval ? sampling::GuidanceInterval{0.5, 1} : sampling::GuidanceInterval{};
                Material embedded;
                embedded.embeddings.emplace();
                film_.settings.shift = 3;
                const plan::StagePlan plan = *plan_film(networks, film_, embedded, cpu_machine()).find("denoise");
                EXPECT_EQ(plan.at_most, cache.kind == CacheKind::easy);
                Context ctx(1);
                ctx.allocator().reset_peak();
                const size_t before = ctx.allocator().peak();
                denoise_film(ctx, in_turn(), film_, {randn(ctx, {511, 8}, 1), randn(ctx, {511, 8}, 2)}, schedule_,
                             {.x = clone(ctx, noise_)}, {.passes = this->plan(), .observer = [](auto&) {}});
                const Work work = ctx.work();
                if (cache.kind == CacheKind::easy) {
                    EXPECT_LE(work.attention, plan.work.attention * (1 + 1e-9));
                } else {
                    EXPECT_NEAR(work.attention / plan.work.attention, 1, 1e-9) << name << solver << interval;
                    // In the plan every pass keeps its residual, for which the sample is embedded once more.
                    EXPECT_LE(work.matrix, plan.work.matrix * (1 + 1e-9)) << name << solver << interval;
                    EXPECT_GT(work.matrix, 0.9 * plan.work.matrix) << name << solver << interval;
                }
                EXPECT_LE(ctx.allocator().peak() - before, plan.bytes) << name;
            }
        }
    }
}

// Twice the residual stream, where both branches are remembered at once.
TEST(StepCachePlan, CountsWhatIsRemembered) {
    const film::Networks networks = film::published_networks("wan2.1-1.3b");
    film::Film film = film::make_film({}, networks.traits(),
                                      {.width = 1280, .height = 720, .frames = 81, .steps = 20, .solver = "euler"},
                                      film::Attention::automatic);
    Material embedded;
    embedded.embeddings.emplace();
    const auto denoise = [&](size_t allowed) {
        const plan::Machine gpu{.device = {.id = {Device::cuda}}, .compute_type = DType::bf16, .allowed = allowed};
        return *plan_film(networks, film, embedded, gpu).find("denoise");
    };
    const size_t plenty = size_t{200} << 30;
    const plan::StagePlan plain = denoise(plenty);
    const size_t residual = size_t(film.size.grid.tokens()) * 1536 * 4;
    film.settings.cache = {.kind = CacheKind::mag, .threshold = 0.1, .most = 2, .ratios = {{{1, 1, 1}, {1, 1, 1}}}};
    const plan::StagePlan cached = denoise(plenty);
    EXPECT_GE(cached.bytes, plain.bytes + residual - (size_t{1} << 20)) << "that of the one while the other runs";
    EXPECT_LE(cached.bytes, plain.bytes + 2 * residual);
    EXPECT_LT(cached.work.attention, 0.5 * plain.work.attention);
    EXPECT_FALSE(cached.cache_on_host);

    const plan::StagePlan tight = denoise(cached.bytes - 1);
    EXPECT_TRUE(tight.cache_on_host);
    EXPECT_EQ(tight.residency, nn::Residency::resident) << "residuals go before weights do";
    EXPECT_LE(tight.bytes, cached.bytes - 1);
    EXPECT_NE(tight.about_weights().find("cache in host memory"), std::string::npos);

    film.settings.cache = {.kind = CacheKind::easy, .threshold = 0.05};
    const plan::StagePlan easy = denoise(plenty);
    EXPECT_LT(easy.bytes, plain.bytes + residual / 4) << "samples are small";
    EXPECT_TRUE(easy.at_most);
}

// The ratios and changes of made-up residuals.
TEST(ResidualMeter, MeasuresWhatItsNamesSay) {
    Context ctx(2);
    std::vector<sampling::StepPasses> steps(4);
    steps[3].expert = 1;
    ResidualMeter meter(steps);
    const int64_t tokens = 5003, width = 7;
    std::vector<Tensor> residuals;
    for (uint32_t i = 0; i < 4; ++i) residuals.push_back(randn(ctx, {tokens, width}, i + 1));
    for (int film = 0; film < 2; ++film) {
        for (size_t i = 0; i < 4; ++i) meter.add(ctx, int64_t(i), Branch::positive, residuals[i]);
        meter.next_film();
    }
    const auto ratios = meter.ratios(Branch::positive);
    ASSERT_EQ(ratios.size(), 4U);
    EXPECT_EQ(ratios[0], 1);
    EXPECT_EQ(ratios[3], 1) << "another transformer's";
    for (size_t i = 1; i < 3; ++i) {
        double ratio = 0, moved = 0, size = 0;
        for (int64_t t = 0; t < tokens; ++t) {
            double now = 0, before = 0;
            for (int64_t c = 0; c < width; ++c) {
                const double a = residuals[i].data<float>()[t * width + c],
                             b = residuals[i - 1].data<float>()[t * width + c];
                now += a * a;
                before += b * b;
                moved += std::abs(a - b);
                size += std::abs(b);
            }
            ratio += std::sqrt(now) / std::sqrt(before);
        }
        EXPECT_NEAR(ratios[i], ratio / double(tokens), 1e-9);
        for (const size_t film : {0, 1}) {
            EXPECT_EQ(meter.changes()[2 * film + i - 1].first, i);
            EXPECT_NEAR(meter.changes()[2 * film + i - 1].second, moved / size, 1e-9);
        }
    }
    EXPECT_EQ(meter.ratios(Branch::negative), ratios) << "which never ran";
}

}  // namespace
}  // namespace t3video::session
