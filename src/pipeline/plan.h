// What a film will take, before it is made: the networks run once without arithmetic, on a context that counts FLOP and
// memory as the real run would need them.
#pragma once

#include <string>
#include <vector>

#include "nn/layer_store.h"
#include "pipeline/film.h"
#include "pipeline/rates.h"

namespace t3video::pipeline {

// Where a film is to be made.
struct Machine {
    DeviceTraits device;
    DType compute_type = DType::f32;
    size_t allowed = 0;         // bytes that the run may take in all
    std::string limit;          // MemoryLimit::reason, where that sets `allowed`
    size_t packing = 0;         // bytes that a stage may reach with packed weights: nn::Keep
    size_t taken = 0;           // of `allowed`, by the program and its libraries, whatever the film
    size_t reading = 0;         // bytes that reading an input takes, on the host: reading_bytes
    int64_t decode_budget = 0;  // bytes that decoding should take
    int64_t sample_bytes = 1;   // of a channel of a frame that waits to be written: media::bytes_of
    int64_t encoder_bytes = 0;  // of the host, beside frames: media::encoder_bytes

    bool on_cpu() const { return device.id.kind == Device::cpu; }
};

// `memory`: bytes that may be taken on the CPU; 0: what is available. More than the process may have (cgroups, ulimit)
// is not allowed. A GPU's limit is part of its context.
Machine machine_of(Context& ctx, int64_t memory = 0);

// Of the bytes that may be taken, what the program, its libraries and what they keep take: measured 40 to 90 MiB.
constexpr size_t kProgram = size_t{96} << 20;

struct StagePlan {
    std::string name;
    Work work;
    size_t weights = 0;  // bytes that go to the GPU; on the CPU they stay in the mapped files and count nowhere
    nn::Keep keep = nn::Keep::placed;  // streamed: all layers do not fit on the GPU; packed: they fit the CPU's memory
    bool together = false;             // of streamed ones: each crosses once for both branches of guidance, not twice
    size_t bytes = 0;                  // at most in use at once, Machine::taken included
    double seconds = 0;                // from Plan::estimate

    bool streamed() const { return keep == nn::Keep::streamed; }
    // For people, behind the stage's figures; empty where weights are placed.
    std::string about_weights() const;
};

// What an interrupted job has done.
struct Done {
    bool text = false;
    bool encode = false;
    int64_t steps = 0;
};

struct Plan {
    std::vector<StagePlan>
        stages;  // text, encode (of inputs), denoise, decode, in this order, without those that are done
    size_t allowed = 0;
    std::string limit;      // as Machine's
    int64_t band_rows = 0;  // for models::DecodeOptions

    size_t bytes() const;  // of the largest stage
    double seconds() const;
    bool has(const std::string& stage) const;
    // "22.3 GiB", or "203 MiB (what the memory cgroup's limit of 300 MiB leaves)".
    std::string about_allowed() const;
    nn::Keep keep(const std::string& stage) const;
    bool together(const std::string& stage) const;
    // The first stage that does not fit; null if all do.
    const StagePlan* too_large() const;
    void estimate(const Rates& rates);
};

// "17.2 GiB", "250 MiB", rounded up.
std::string readable_bytes(size_t bytes);

// Decoding a latent [z, T, h, w], in bands of `band_rows` (models::DecodeOptions), which this chooses.
StagePlan plan_decode(const models::WanVae& vae, const Shape& latent, const Machine& machine, int64_t& band_rows);

// Takes the memory that `plan` says a stage needs from the system at once, so that none is asked for while it runs; on
// the CPU, or where the stage is done, nothing. Throws InvalidRequest when others have taken it since.
void reserve(Context& ctx, const Plan& plan, const std::string& stage);

// What planning polls (Context::set_poll): throws Interrupted once the user asked to stop.
void stop_planning_if_asked();

Plan plan_film(const Models& models, const Film& film, const Machine& machine, const Done& done = {});

// Throws InvalidRequest where a stage of `plan` does not fit: which one, what it needs, what is allowed, and the
// largest number of frames and the next smaller size of about the same shape that would fit. Logs that it looks for
// these where it takes longer than a second. Throws Interrupted, as all planning does.
void require_fits(const Plan& plan, const Models& models, const Film& film, const Machine& machine,
                  const FilmMaker& make);

}  // namespace t3video::pipeline
