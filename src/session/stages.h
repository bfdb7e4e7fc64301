// The stages of a film, and their sequence: text, encode, denoise, decode. Each plans itself and runs.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/clock.h"
#include "film/film.h"
#include "job/job.h"
#include "media/frame.h"
#include "plan/plan.h"
#include "sampling/sampler.h"
#include "session/model.h"
#include "session/shelf.h"
#include "session/step_cache.h"

namespace t3video::session {

// What the stages of a film work on. Each stage reads what those before it left, and leaves its result in host memory:
// a tensor left on the device would split the free memory, of which the next stage needs one contiguous piece.
struct Material {
    // Set by the caller. Token ids of the prompts, at most models::kTextRows each; `negative` is empty without
    // guidance.
    std::vector<int64_t> prompt, negative;
    std::vector<Tensor> frames;  // the frames of the input, as in film::Input
    // Makes noise of film::latent_shape(film) on the context's device: sampling::NoiseDraws.
    std::function<Tensor(Context&, int64_t draw)> noise;
    bool bf16_timesteps = false;  // as in film::Request; values follow from it, memory and time do not
    int64_t preview_every = 0;    // as in film::Request

    // Left by the stages, or by an earlier run.
    std::optional<job::Embeddings> embeddings;
    Tensor input_latent;
    std::optional<sampling::SampleState> latents;
};

// Is told how the stages proceed, at the places where their work may be saved or stopped. The base does nothing.
class Watch {
  public:
    virtual ~Watch() = default;

    virtual void begin(const char* /*stage*/, int64_t /*total*/, const char* /*unit*/) {}
    virtual void prepared(const plan::StagePlan& /*stage*/, double /*seconds*/) {}  // its network was prepared now
    virtual void embedded(const Tensor& /*rows*/, int64_t /*prompts*/) {}
    virtual void encoding(int64_t /*frames*/) {}  // this many frames of the input were handed over
    virtual void starts(const sampling::Schedule& /*schedule*/, const sampling::SampleState& /*state*/) {}
    virtual void stepped(const sampling::SampleState& /*state*/) {}
    // Who measures what the layers add to their stream: step_cache.h. Null: nobody.
    virtual ResidualObserver residuals() { return nullptr; }
    virtual void frame(const media::Image& /*frame*/) {}  // cropped to the film's size
    virtual void decoded(int64_t /*frames*/) {}           // this many frames are whole; of later ones some rows may be
    virtual void end(const char* /*stage*/) {}
};

// A stage that runs, and what it may use.
struct StageRun {
    Context& ctx;
    Shelf& shelf;
    const Model& model;
    const film::Film& film;
    const plan::StagePlan& plan;
    Material& material;
    Watch& watch;
    media::Samples samples = media::Samples::u8;  // of frames

    // The stage's network: the one that waits on the shelf, or the one that `make` prepares now. `turn` is the number
    // of the expert, where several take turns. The reference is valid until the next call.
    template <class Network>
    const Network& network(const std::function<Network()>& make, size_t turn = 0) {
        return shelf.get<Network>(model, plan, turn, [&] {
            const auto start = Clock::now();
            Network made = make();
            watch.prepared(plan, seconds_since(start));
            return made;
        });
    }
};

class Stage {
  public:
    virtual ~Stage() = default;

    virtual const char* name() const = 0;
    // Whether the stage has work to do: its result is needed and missing.
    virtual bool is_due(const film::Film& film, const Material& material) const = 0;
    // Time and memory that the rest of the stage's work needs. Throws what `poll` throws.
    virtual plan::StagePlan plan(const film::Networks& networks, const film::Film& film, const Material& material,
                                 const plan::Machine& machine, const plan::Poll& poll) const = 0;
    virtual void run(StageRun& run) const = 0;
};

// The stages in the order in which they run.
std::span<const std::unique_ptr<Stage>> stages();
std::vector<std::string> order_of_stages();  // their names

// The plans of all stages that are due.
plan::Plan plan_film(const film::Networks& networks, const film::Film& film, const Material& material,
                     const plan::Machine& machine, const plan::Poll& poll = {});

// The plan of decoding a latent [z, T, h, w], for who has no film; the height of its bands is chosen here.
plan::StagePlan plan_decode(const models::WanVae& vae, const Shape& latent, const plan::Machine& machine,
                            const plan::Poll& poll = {});
plan::StagePlan plan_decode(const models::SmallVae& decoder, const Shape& latent, const plan::Machine& machine,
                            const plan::Poll& poll = {});
// The plan of a picture of one latent frame by a small decoder, which is made beside what else is there: in as many
// bands as keep it small.
plan::StagePlan plan_preview(const models::SmallVae& decoder, const Shape& latent, const plan::Machine& machine,
                             const plan::Poll& poll = {});

std::unique_ptr<Stage> text_stage();
std::unique_ptr<Stage> encode_stage();
std::unique_ptr<Stage> denoise_stage();
std::unique_ptr<Stage> decode_stage();

}  // namespace t3video::session
