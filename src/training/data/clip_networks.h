// The two networks that clips go through: the VAE's encoder and the text encoder, one at a time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "film/networks.h"
#include "plan/plan.h"
#include "text/tokenizer.h"
#include "training/data/clip_source.h"
#include "training/data/shards.h"

namespace t3video::training {

struct EncodingModel {
    const film::Networks& networks;
    const text::Tokenizer& tokenizer;
    Encoders identities;
};

// What encoding takes, each network at its largest: captions of all rows, clips of the largest size and length.
struct EncodingPlan {
    plan::StagePlan text, latents;
    Bucket largest;
    size_t allowed = 0;   // bytes where it computes
    std::string limit;    // as plan::Machine's
    int64_t frames = 0;   // bytes of the host for frames that wait, beside the largest clip
    int64_t reading = 0;  // bytes that one reader may take

    size_t bytes() const { return std::max(text.bytes, latents.bytes); }
    std::string about_allowed() const;
};

// How much of the host's memory may go where.
struct HostNeeds {
    int64_t memory = 0;   // bytes that may be taken; 0: what is available. As plan::machine_of takes it
    int64_t frames = 0;   // of frames that wait; 0: chosen here
    int64_t waiting = 0;  // of texts and latents that wait to be written
};

// Throws InvalidRequest, naming the size that would fit, for what does not fit; whatever `poll` throws.
EncodingPlan plan_encoding(const Context& ctx, const film::Networks& networks, const std::vector<ClipRules>& groups,
                           int64_t captions, const HostNeeds& host, const plan::Poll& poll = {});

// Prepares the text encoder for as long as it lives.
class CaptionEncoder {
  public:
    CaptionEncoder(Context& ctx, const EncodingModel& model, const plan::StagePlan& plan);
    // [rows, dim] bf16 in host memory, without padding. Throws InvalidRequest for values that are not finite.
    Tensor encode(const std::vector<int64_t>& ids) const;

  private:
    Context& ctx_;
    models::Umt5 network_;
};

// Prepares the VAE's encoder for as long as it lives.
class LatentEncoder {
  public:
    LatentEncoder(Context& ctx, const EncodingModel& model, const plan::StagePlan& plan);
    // [channels, T, H, W] f32 in host memory, normalised; may hold values that are not finite.
    Tensor encode(const ClipWindow& clip) const;

  private:
    Context& ctx_;
    models::WanVae network_;
};

}  // namespace t3video::training
