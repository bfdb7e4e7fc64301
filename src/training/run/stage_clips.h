// The encoded clips of a stage: what it learns from and what is held out, in buckets of one size and length.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/wan_dit/model.h"
#include "training/data/order.h"
#include "training/data/shards.h"
#include "training/noise_levels.h"
#include "training/sample.h"

namespace t3video::training {

struct ClipBucket {
    Shape latent;                               // [channels, T, 2H, 2W]
    int64_t width = 0, height = 0, frames = 0;  // in pixels
    Grid grid;                                  // of tokens
    int64_t clips = 0;                          // that are learned from
    int64_t text_rows = 1;                      // of the longest caption
};

class StageClips {
  public:
    // Opens a folder of shards. Of its clips one in twenty is held out, but no more than `held_out` and never of fewer
    // than twenty: which ones follows from their keys alone. Throws InvalidRequest as ShardSet does, and for latents
    // that a model of these sizes does not take.
    StageClips(const std::filesystem::path& folder, const models::DitConfig& model, int64_t held_out,
               int64_t batch_size, uint64_t seed);

    const ShardSet& shards() const { return shards_; }
    const std::vector<ClipBucket>& buckets() const { return buckets_; }  // the largest first
    size_t bucket_of(size_t clip) const { return bucket_of_.at(clip); }
    DataOrder& order() { return *order_; }
    // The clip that an entry of the order stands for.
    size_t clip_of(int64_t entry) const { return learned_.at(static_cast<size_t>(entry)); }
    const std::vector<size_t>& learned() const { return learned_; }
    const std::vector<size_t>& held_out() const { return held_out_; }

  private:
    ShardSet shards_;
    std::vector<ClipBucket> buckets_;
    std::vector<size_t> bucket_of_;  // of each clip
    std::vector<size_t> learned_, held_out_;
    std::optional<DataOrder> order_;
};

// A clip at a noise level, where the context computes. `noise` seeds the noise; `text`: rows of a caption, as a shard
// holds them.
Sample sample_of(Context& ctx, const Tensor& latents, const Tensor& text, const NoiseLevel& level, uint64_t noise,
                 bool first_frame);

}  // namespace t3video::training
