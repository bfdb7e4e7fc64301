// Step caches on the GPU: whatever waits where, the bits are the same, and the plan covers the run.
#include "session/step_cache.h"

#include <cstring>

#include "cuda/parity.h"
#include "cuda/small_dit.h"
#include "film/published.h"
#include "session/denoise.h"
#include "session/stages.h"

namespace t3video {
namespace {

using namespace testing;
using sampling::CacheKind;
using sampling::StepPasses;

// Its memory has no guards, so that it takes what is planned.
class StepCacheOnGpu : public ::testing::TestWithParam<DType> {
  protected:
    static constexpr int64_t kSteps = 6;

    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
        gpu_.emplace(cuda::make_backend(0, type(), size_t{3} << 30), 1);
        film_ = film::make_film({}, {.cell = 16},
                                {.width = 384, .height = 256, .frames = 17, .steps = kSteps, .solver = "unipc"},
                                film::Attention::automatic);
        host_.emplace();
        embeddings_ = {randn(*host_, {20, 64}, 6), randn(*host_, {7, 64}, 7)};
        noise_ = randn(*host_, {16, 5, 32, 48}, 5);
    }
    // Both branches are computed in these steps, in others skipped.
    static std::vector<StepPasses> passes(std::initializer_list<int> computed) {
        std::vector<StepPasses> steps(kSteps);
        for (StepPasses& step : steps) step.computes = {false, false};
        for (const int i : computed) steps[size_t(i)].computes = {true, true};
        return steps;
    }
    Tensor denoise(const models::WanDit& dit, const session::PassPlan& plan, bool together,
                   const sampling::StepObserver& observer = {}) {
        const Tensor x =
            session::denoise_film(gpu(), {.dit = [&](size_t) -> const models::WanDit& { return dit; }}, film_,
                                  embeddings_, session::schedule_of(film_), {.x = to_device(gpu(), noise_)},
                                  {.together = together, .passes = plan, .observer = observer});
        return to_host(gpu(), x);
    }

    DType type() const { return GetParam(); }
    Context& gpu() { return *gpu_; }

    std::optional<Context> host_, gpu_;
    film::Film film_;
    job::Embeddings embeddings_;
    Tensor noise_;
};

bool same(const Tensor& a, const Tensor& b) {
    return a.bytes() == b.bytes() && std::memcmp(a.raw(), b.raw(), a.bytes()) == 0;
}

TEST_P(StepCacheOnGpu, ResidualsWaitAnywhere) {
    film_.settings.cache.kind = CacheKind::mag;
    const auto dit = film::prepared_at_random(gpu(), models::WanDit(small_dit(4, 2)), nn::Residency::resident);
    session::PassPlan plan{.steps = passes({0, 1, 3}), .cache = film_.settings.cache};
    const Tensor expected = denoise(dit, plan, false);
    EXPECT_TRUE(same(denoise(dit, plan, true), expected));
    plan.on_host = true;
    EXPECT_TRUE(same(denoise(dit, plan, false), expected));
    EXPECT_TRUE(same(denoise(dit, plan, true), expected));
    plan.steps = passes({0, 1, 2, 3, 4, 5});
    EXPECT_FALSE(same(denoise(dit, plan, false), expected));
}

TEST_P(StepCacheOnGpu, GoesOnBetweenAnyTwoSteps) {
    const auto dit = film::prepared_at_random(gpu(), models::WanDit(small_dit(4, 2)), nn::Residency::resident);
    for (const CacheKind kind : {CacheKind::mag, CacheKind::easy}) {
        film_.settings.cache = {.kind = kind, .threshold = 0.4, .first = 3};
        for (const bool on_host : {false, true}) {
            const session::PassPlan plan{.steps = passes({0, 1, 3}), .cache = film_.settings.cache, .on_host = on_host};
            std::vector<sampling::SampleState> states;
            const Tensor whole = denoise(dit, plan, false, [&](const sampling::SampleState& state) {
                sampling::SampleState copy{state.step, to_host(gpu(), state.x), {}};
                for (const Tensor& x : state.history) copy.history.push_back(to_host(gpu(), x));
                for (const auto& [name, x] : state.further) copy.further[name] = clone(*host_, to_host(gpu(), x));
                states.push_back(copy);
            });
            for (sampling::SampleState state : states) {
                if (state.step == kSteps) continue;
                state.x = to_device(gpu(), state.x);
                for (Tensor& x : state.history) x = to_device(gpu(), x);
                const int64_t step = state.step;
                const Tensor rest =
                    session::denoise_film(gpu(), {.dit = [&](size_t) -> const models::WanDit& { return dit; }}, film_,
                                          embeddings_, session::schedule_of(film_), std::move(state), {.passes = plan});
                EXPECT_TRUE(same(to_host(gpu(), rest), whole)) << "after step " << step;
            }
        }
    }
}

// The peak of the run is within the plan, for residuals on the device and on the host.
TEST_P(StepCacheOnGpu, StaysWithinItsPlan) {
    film::Networks networks = film::published_networks("wan2.1-1.3b");
    networks.experts = {{film::without_values(models::WanDit(small_dit(4, 2)))}};
    film_.settings.cache = {
        .kind = CacheKind::mag, .threshold = 9, .most = 2, .retention = 0.2, .ratios = {{{1, 1}, {1, 1}}}};
    session::Material embedded;
    embedded.embeddings.emplace();
    plan::Machine machine{.device = gpu().traits(), .compute_type = type(), .allowed = size_t{3} << 30};
    const plan::StagePlan roomy = *session::plan_film(networks, film_, embedded, machine).find("denoise");
    machine.allowed = roomy.bytes - 1;
    const plan::StagePlan tight = *session::plan_film(networks, film_, embedded, machine).find("denoise");
    EXPECT_TRUE(tight.cache_on_host);
    for (const plan::StagePlan& plan : {roomy, tight}) {
        gpu().trim();
        gpu().allocator().reset_peak();
        const size_t before = gpu().allocator().peak();
        const auto dit = film::prepared_at_random(gpu(), models::WanDit(small_dit(4, 2)), plan.residency);
        denoise(dit,
                {.steps = session::passes_of(film_, networks.experts, session::schedule_of(film_)),
                 .cache = film_.settings.cache,
                 .on_host = plan.cache_on_host},
                plan.together);
        EXPECT_GT(gpu().allocator().peak(), before);
        EXPECT_LE(gpu().allocator().peak() - before, plan.bytes);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, StepCacheOnGpu, ::testing::Values(DType::f32, DType::bf16), type_name);

}  // namespace
}  // namespace t3video
