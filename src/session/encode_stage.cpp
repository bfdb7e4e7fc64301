// The picture or video that a film starts from, to its latent.
#include "plan/encoders.h"
#include "session/stages.h"

namespace t3video::session {
namespace {

constexpr auto kEncoder = models::WanVae::Half::encoder;

class Encode final : public Stage {
  public:
    const char* name() const override { return "encode"; }

    // A first frame is held through all steps; of a video the start alone is made.
    bool is_due(const film::Film& film, const Material& material) const override {
        const int64_t steps = material.latents ? material.latents->step : 0;
        const bool wanted = film.settings.source == film::Source::image ? steps < film.settings.steps : steps == 0;
        return film.settings.takes_latent() && wanted && !material.input_latent.defined();
    }

    plan::StagePlan plan(const film::Networks& networks, const film::Film& film, const Material&,
                         const plan::Machine& machine, const plan::Poll& poll) const override {
        return plan::plan_encode(name(), networks.vae, film.input_frames(), film.size.height, film.size.width, machine,
                                 poll);
    }

    void run(StageRun& run) const override {
        const film::FrameSize& size = run.film.size;
        const int64_t frames = run.film.input_frames();
        run.watch.begin(name(), frames, frames == 1 ? "picture" : "frames");
        const models::WanVae& vae =
            run.network<models::WanVae>([&] { return run.model.vae(run.ctx, run.plan.residency, kEncoder); });
        const auto chunk = [&](int64_t first, int64_t count) {
            Tensor x = empty_on_host({count, size.height, size.width, 3});
            for (int64_t i = 0; i < count; ++i)
                film::write_floats(run.material.frames.at(static_cast<size_t>(first + i)),
                                   x.slice(i, i + 1).data<float>());
            run.watch.encoding(first + count);
            return x;
        };
        run.material.input_latent = to_host(run.ctx, vae.encode(run.ctx, frames, size.height, size.width, chunk));
        run.material.frames.clear();
        run.watch.end(name());
    }
};

}  // namespace

std::unique_ptr<Stage> encode_stage() {
    return std::make_unique<Encode>();
}

}  // namespace t3video::session
