// Films by the smallest model, made in one session.
#pragma once

#include <gtest/gtest.h>

#include "job/job_files.h"
#include "session/denoise.h"
#include "session/session.h"
#include "support/films.h"

namespace t3video::session {

using namespace testing;
namespace fs = std::filesystem;

class MakeTest : public ::testing::Test {
  protected:
    // Four steps of UniPC, whose state has a history, on a grid of 2x2x2 tokens.
    film::Request request(const std::string& name) const {
        film::Request r = tiny_request(folder_ / (name + ".y4m"));
        r.settings.steps = 4;
        r.settings.cfg = 3;
        r.settings.solver = "unipc";
        r.seed = 7;
        return r;
    }
    Result run(const film::Request& r) { return session_.make(r, observer_); }
    // Made anew, or from the job: a film that is there would stay.
    std::string film(const film::Request& r) {
        fs::remove(r.output);
        return read_file(run(r).video);
    }

    // The state after `step` steps of a finished job, computed apart from the session.
    sampling::SampleState state_after(int64_t step, const film::Request& r) {
        const film::Networks networks = film::load_networks(film::find_model(r.model, r.parts));
        const job::Embeddings rows = job::read_stages(r.job_folder(), 1).embeddings.value();
        const auto text = [&](const Tensor& x) {
            return networks.dit().embed_text(ctx_, x, models::kTextRows - x.dim(0));
        };
        const models::TextContext positive = text(rows.positive), negative = text(rows.negative);
        const auto solver = sampling::find_solver("unipc");
        sampling::SampleState kept;
        denoise(ctx_,
                [&](double) {
                    return Guidance{networks.dit(), &positive, &negative, 3.0};
                },
                t3::LayoutWindows(ctx_, t3::full_attention({2, 2, 2})), solver,
                solver.schedule({.steps = 4, .shift = 5}), {.x = make_noise(ctx_, {16, 2, 4, 4}, r.seed, r.noise, 132)},
                {.observer = [&](const sampling::SampleState& state) {
                    if (state.step == step) kept = state;
                }});
        return kept;
    }
    // A job that was interrupted in this state: everything else is that of `finished`.
    void interrupted(const film::Request& finished, const film::Request& r, const sampling::SampleState& state) {
        fs::remove_all(r.job_folder());
        fs::copy(finished.job_folder(), r.job_folder());
        save(r, state);
    }

    static void save(const film::Request& r, const sampling::SampleState& state) {
        job::Job(r.job_folder(), job::request_of_job(r.job_folder())).save(state);
    }

    Context ctx_;
    Session session_{Context()};
    Listener observer_;
    TemporaryFolder folder_;
};

}  // namespace t3video::session
