// One piece of the engine on tensors from a file: for comparing it with other implementations.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "apps/common/options.h"
#include "checkpoint/tensor_source.h"
#include "film/model_files.h"
#include "models/wan_dit/model.h"
#include "sampling/solver.h"

namespace t3video::apps {

using Outputs = std::map<std::string, Tensor>;

// All options of `t3video module`; each module reads those it knows.
struct ModuleOptions {
    std::string name;
    ComputeOptions compute;
    std::filesystem::path model, input, output, layout;
    std::string attention = "auto", solver = "euler", prefix, generator = "cpu", text;
    int64_t steps = 50, count = 0, band_rows = 0;
    std::vector<int64_t> shape;
    double shift = 5.0, cfg = 5.0, strength = 1.0;
    uint64_t seed = 0;
    int multiprocessors = 132;
    int64_t draw = 0;
    std::string cache;   // of denoise: "easycache", "teacache", "teacache_ret" or "magcache"
    std::string stream;  // of train-step: the type it is rounded to
    bool deterministic = false;
    bool bf16_timesteps = false, first_frame = false, first_frame_clean = false, raw = false;

    film::ModelFiles files() const;  // of --model, which must have been given
    sampling::Schedule schedule(const sampling::Solver& of) const;
};

// The inputs of a case, by name (with --prefix in front).
class Inputs {
  public:
    explicit Inputs(const ModuleOptions& options);

    static constexpr int kAnyRank = -1;

    // Throws InvalidRequest naming the file and the input when it is absent or has another rank.
    Tensor floats(Context& ctx, const std::string& name, int rank) const;
    // As floats(), with a leading axis of 1 (the batch) taken off.
    Tensor sample(Context& ctx, const std::string& name, int rank) const;
    std::vector<int64_t> integers(const std::string& name) const;
    double number(Context& ctx, const std::string& name) const;
    const std::string& metadata(const std::string& key) const;

  private:
    checkpoint::TensorSource source_;
    std::string prefix_;
};

// Of the input draws [n, ...], n times the noise's shape: what solvers draw behind the noise itself.
sampling::NoiseDraws draws_of(Context& ctx, const Inputs& in, const Shape& noise);

// x with a batch axis of 1 in front.
Tensor batched(const Tensor& x);
// The latent's windows under --attention and --layout, as `generate` would choose them.
t3::LayoutWindows windows_of(Context& ctx, const ModuleOptions& options, const Tensor& latent);

Outputs run_text_encoder(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_vae_decode(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_vae_encode(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_small_decode(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_small_encode(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_dit(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_self_attention(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_denoise(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_train_step(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_pipeline(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_solver(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_t3_attention(Context& ctx, const ModuleOptions& options, const Inputs& in);
Outputs run_schedule(Context& ctx, const ModuleOptions& options);
Outputs run_randn(Context& ctx, const ModuleOptions& options);
void run_tokenize(const ModuleOptions& options);

}  // namespace t3video::apps
