// Plans of the networks that make latents and embeddings, of films and of clips to train on.
#pragma once

#include <string>

#include "models/umt5/model.h"
#include "models/wan_vae/wan_vae.h"
#include "plan/plan.h"

namespace t3video::plan {

// So many prompts, each taken at its longest, one after the other.
StagePlan plan_text(const std::string& name, const models::Umt5& encoder, int64_t prompts, const Machine& machine,
                    const Poll& poll = {});

// A video, brought by the host chunk by chunk, to its latent.
StagePlan plan_encode(const std::string& name, const models::WanVae& vae, int64_t frames, int64_t height, int64_t width,
                      const Machine& machine, const Poll& poll = {});

}  // namespace t3video::plan
