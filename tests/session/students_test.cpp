// Films by the rules of few-step students: fresh noise in its order, resumed jobs, a first frame, planned memory.
#include <gtest/gtest.h>

#include <algorithm>

#include "sampling/rcm.h"
#include "session/make_fixture.h"
#include "session/planned.h"

namespace t3video::session {
namespace {

// Asks to stop after so many steps of denoising.
class StopAfter final : public Observer {
  public:
    explicit StopAfter(int64_t steps) : steps_(steps) {}
    std::stop_token token() const { return source_.get_token(); }

    void stage(const std::string& name, int64_t, const std::string&) override { denoising_ = name == "denoise"; }
    void advanced(int64_t done) override {
        if (denoising_ && done == steps_) source_.request_stop();
    }

  private:
    int64_t steps_;
    bool denoising_ = false;
    std::stop_source source_;
};

constexpr const char* kRules[] = {"renoise", "renoise:timesteps=1000/750/500/250,warp=true", "rcm"};

class StudentFilms : public MakeTest {
  protected:
    // Steps, shift and cfg are the rule's own.
    film::Request student(const std::string& name, const std::string& solver, film::NoiseSource source) const {
        film::Request r = request(name);
        r.settings.steps.reset();
        r.settings.cfg.reset();
        r.settings.solver = solver;
        r.noise = source;
        return r;
    }
    std::string film(const film::Request& r) { return read_file(run(r).video); }
};

TEST_F(StudentFilms, GoOnBetweenAnyTwoStepsWithTheSameNoise) {
    for (const char* solver : kRules) {
        for (const auto source : {film::NoiseSource::cpu, film::NoiseSource::cuda}) {
            const int64_t steps = sampling::find_solver(solver).students->steps;
            const std::string whole = film(student("whole", solver, source));
            for (int64_t done = 1; done < steps; ++done) {
                SCOPED_TRACE(concat(solver, ", stopped after step ", done));
                const film::Request r = student("stopped", solver, source);
                StopAfter observer(done);
                EXPECT_THROW(session_.make(r, observer, observer.token()), Stopped);
                EXPECT_EQ(job::read_stages(r.job_folder(), 1).latents.value().step, done);
                EXPECT_EQ(film(r), whole);
                fs::remove(r.output);
                fs::remove_all(r.job_folder());
            }
            fs::remove(folder_ / "whole.y4m");
            fs::remove_all(folder_ / "whole.job");
        }
    }
}

// The latents of a job, computed apart from the session with the draws of the film's own generator.
TEST_F(StudentFilms, DrawTheNoiseOfTheirGeneratorInOrder) {
    for (const char* name : kRules) {
        for (const auto source : {film::NoiseSource::cpu, film::NoiseSource::cuda}) {
            film::Request r = student("film", name, source);
            r.overwrite = true;
            const film::Settings s = run(r).settings;
            const job::SavedStages saved = job::read_stages(r.job_folder(), 1);
            const film::Networks networks = film::load_networks(film::find_model(r.model, r.parts));
            const Tensor& rows = saved.embeddings->positive;
            const models::TextContext text = networks.dit().embed_text(ctx_, rows, models::kTextRows - rows.dim(0));
            const auto noise = [&](int64_t draw) {
                return make_noise(ctx_, {16, 2, 4, 4}, r.seed, r.noise, r.multiprocessors, draw);
            };
            const sampling::Solver solver = sampling::find_solver(name);
            const sampling::Schedule schedule = solver.schedule({.steps = s.steps, .shift = s.shift});
            const auto guidance = [&](double) { return Guidance{networks.dit(), &text}; };
            const Tensor x = denoise(ctx_, guidance, t3::LayoutWindows(ctx_, t3::full_attention({2, 2, 2})), solver,
                                     schedule, solver.start(ctx_, noise(0), schedule), {.noise = noise});
            EXPECT_TRUE(std::ranges::equal(x.span<float>(), saved.latents->x.span<float>())) << name;
        }
    }
}

// The frame is the same in front of every step, the first one included, whatever scales the noise.
TEST_F(StudentFilms, HoldTheFirstFrame) {
    const film::Request r = request("any");
    const film::Networks networks = film::load_networks(film::find_model(r.model, r.parts));
    const models::WanDit& dit = networks.dit();
    const models::TextContext text = dit.embed_text(ctx_, randn(ctx_, {3, dit.config().text_dim}, 5), 509);
    const t3::LayoutWindows windows(ctx_, t3::full_attention({2, 2, 2}));
    const Shape shape{16, 2, 4, 4};
    const Tensor first = randn(ctx_, {16, 1, 4, 4}, 6);
    const auto noise = [&](int64_t draw) { return randn(ctx_, shape, static_cast<uint32_t>(20 + draw)); };
    const sampling::Solver solver = sampling::find_solver("rcm");
    const sampling::Schedule schedule = solver.schedule({.steps = 4});

    const auto hold = [&](auto& x) {
        for (int64_t c = 0; c < 16; ++c) {
            for (int64_t i = 0; i < 16; ++i) x[size_t(c * 32 + i)] = first.data<float>()[c * 16 + i];
        }
    };
    std::vector<double> x = doubles(ctx_, noise(0));
    for (double& value : x) value *= schedule.sigmas[0];
    hold(x);
    for (size_t i = 0; i < 4; ++i) {
        const Tensor seen = from_span(ctx_, std::vector<float>(x.begin(), x.end()), shape);
        const models::DitBranch branch{text, {.clean_frames = 1}};
        const auto v = doubles(ctx_, dit.forward(ctx_, seen, schedule.timesteps[i], {&branch, 1}, windows)[0]);
        const auto fresh = doubles(ctx_, noise(static_cast<int64_t>(i) + 1));
        const double next = schedule.sigmas[i + 1];
        for (size_t j = 0; j < x.size(); ++j) x[j] = (1 - next) * (x[j] - schedule.sigmas[i] * v[j]) + next * fresh[j];
        hold(x);
    }
    const auto guidance = [&](double) { return Guidance{dit, &text}; };
    const Tensor made = denoise(ctx_, guidance, windows, solver, schedule, solver.start(ctx_, noise(0), schedule),
                                {.first_frame = first, .noise = noise});
    EXPECT_LT(relative_error(made, x), 1e-6);
    std::vector<float> held(made.span<float>().begin(), made.span<float>().end());
    hold(held);
    EXPECT_TRUE(std::ranges::equal(held, made.span<float>()));
}

// Measured while the stage runs.
class PeakOfDenoising final : public Watch {
  public:
    explicit PeakOfDenoising(Context& ctx) : ctx_(ctx) {}
    void begin(const char* stage, int64_t, const char*) override {
        if (std::string(stage) != "denoise") return;
        ctx_.allocator().reset_peak();
        before_ = ctx_.allocator().peak();
    }
    void end(const char* stage) override {
        if (std::string(stage) == "denoise") bytes = ctx_.allocator().peak() - before_;
    }
    size_t bytes = 0;

  private:
    Context& ctx_;
    size_t before_ = 0;
};

TEST(StudentPlans, CountTheNoiseThatIsDrawn) {
    const auto planned = [](const char* solver) {
        const Planned demo({.width = 256, .height = 256, .frames = 17, .cfg = 1, .solver = solver});
        const FileModel model(demo.files, demo.networks);
        Session session{Context(2)};
        Material material{.prompt = {1, 2, 3}};
        material.noise = [&](Context& ctx, int64_t draw) {
            return make_noise(ctx, latent_shape(demo.film, demo.networks.vae.config()), 1, film::NoiseSource::cuda, 8,
                              draw);
        };
        const plan::Plan plan = session.plan(model, demo.film, material, session.machine());
        const plan::StagePlan* denoise = plan.find("denoise");
        plan::Plan first{.stages = {*plan.find("text"), *denoise}};
        PeakOfDenoising peak(session.context());
        session.run(model, demo.film, first, material, peak);
        EXPECT_LE(peak.bytes, denoise->bytes) << solver;
        return denoise->bytes;
    };
    constexpr size_t kLatent = size_t{16} * 5 * 32 * 32 * sizeof(float);
    EXPECT_GE(planned("rcm"), planned("euler") + kLatent) << "which it keeps beside the sample";
}

TEST(StudentPlans, AreOfTheStepsThatAreLeft) {
    for (const char* solver : kRules) {
        const Planned demo({.solver = solver});
        const auto work = [&](int64_t steps_done) {
            const plan::Plan plan = plan_film(demo.networks, demo.film, done(steps_done), cpu());
            return plan.find("denoise")->work.matrix;
        };
        const auto steps = static_cast<double>(demo.film.settings.steps);
        const double step = work(demo.film.settings.steps - 1), all = work(0);
        EXPECT_NEAR(all - work(1), work(1) - work(2), 1e-6 * all) << solver;
        EXPECT_NEAR((all - work(1)) * (steps - 1) + step, all, 1e-6 * all) << solver;
    }
}

}  // namespace
}  // namespace t3video::session
