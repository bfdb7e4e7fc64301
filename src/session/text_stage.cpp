// Token ids to embedding rows.
#include "plan/encoders.h"
#include "session/stages.h"

namespace t3video::session {
namespace {

class Text final : public Stage {
  public:
    const char* name() const override { return "text"; }

    bool is_due(const film::Film&, const Material& material) const override { return !material.embeddings; }

    // Prompts are taken at their longest.
    plan::StagePlan plan(const film::Networks& networks, const film::Film& film, const Material&,
                         const plan::Machine& machine, const plan::Poll& poll) const override {
        return plan::plan_text(name(), networks.text_encoder, film.guided() ? 2 : 1, machine, poll);
    }

    void run(StageRun& run) const override {
        const Material& material = run.material;
        const bool guided = !material.negative.empty();
        run.watch.begin(name(), guided ? 2 : 1, guided ? "prompts" : "prompt");
        const models::Umt5& encoder =
            run.network<models::Umt5>([&] { return run.model.text_encoder(run.ctx, run.plan.residency); });
        int64_t prompts = 0;
        const auto rows = [&](const std::vector<int64_t>& ids) {
            const Tensor embedded = to_host(run.ctx, encoder.forward(run.ctx, ids));
            run.watch.embedded(embedded, ++prompts);
            return embedded;
        };
        job::Embeddings embeddings{rows(material.prompt), {}};
        if (guided) embeddings.negative = rows(material.negative);
        run.material.embeddings = embeddings;
        run.watch.end(name());
    }
};

}  // namespace

std::unique_ptr<Stage> text_stage() {
    return std::make_unique<Text>();
}

}  // namespace t3video::session
