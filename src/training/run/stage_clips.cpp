// Buckets, and who is held out.
#include "training/run/stage_clips.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "core/content_hash.h"
#include "core/error.h"
#include "ops/convert.h"
#include "ops/random.h"

namespace t3video::training {
namespace {

std::vector<size_t> chosen_to_hold_out(const ShardSet& shards, int64_t most) {
    constexpr int64_t kOneIn = 20;
    const int64_t count = std::min(most, static_cast<int64_t>(shards.size()) / kOneIn);
    std::vector<std::pair<std::string, size_t>> all;
    for (size_t i = 0; i < shards.size(); ++i) all.emplace_back(text_hash(shards.notes(i).key), i);
    std::ranges::sort(all);
    std::vector<size_t> held_out;
    for (int64_t i = 0; i < count; ++i) held_out.push_back(all[static_cast<size_t>(i)].second);
    std::ranges::sort(held_out);
    return held_out;
}

ClipBucket bucket_of_clip(const ShardSet& shards, size_t i, const models::DitConfig& model,
                          const std::filesystem::path& folder) {
    const Shape& x = shards.latent_shape(i);
    const ClipNotes& notes = shards.notes(i);
    require_valid(x[0] == model.out_channels, folder.string(), ": its latents have ", x[0],
                  " channels, and the model makes ", model.out_channels, "; encode the clips with this model's VAE");
    require_valid(x[2] % 2 == 0 && x[3] % 2 == 0, folder.string(), ": clip '", notes.file, "' has latents ", x,
                  ", expected even rows and columns; encode it again");
    return {x, notes.width, notes.height, notes.frames, {x[1], x[2] / 2, x[3] / 2}};
}

}  // namespace

StageClips::StageClips(const std::filesystem::path& folder, const models::DitConfig& model, int64_t held_out,
                       int64_t batch_size, uint64_t seed)
    : shards_(folder), held_out_(chosen_to_hold_out(shards_, held_out)) {
    using Key = std::tuple<int64_t, int64_t, int64_t, int64_t>;  // tokens, then their shape
    std::map<Key, ClipBucket, std::greater<>> buckets;
    std::vector<Key> keys;
    for (size_t i = 0; i < shards_.size(); ++i) {
        ClipBucket one = bucket_of_clip(shards_, i, model, folder);
        const Key key{one.grid.tokens(), one.grid.t, one.grid.h, one.grid.w};
        keys.push_back(key);
        ClipBucket& bucket = buckets.try_emplace(key, one).first->second;
        for (size_t k = 0; k < shards_.notes(i).captions.size(); ++k) {
            const Shape& text = shards_.text_shape(i, k);
            require_valid(text[1] == model.text_dim, folder.string(), ": its captions have rows of width ", text[1],
                          ", and the model takes ", model.text_dim, "; encode the clips with this model");
            bucket.text_rows = std::max(bucket.text_rows, text[0]);
        }
        if (std::ranges::binary_search(held_out_, i)) continue;
        ++bucket.clips;
        learned_.push_back(i);
    }
    std::map<Key, size_t> numbers;
    for (auto& [key, bucket] : buckets) {
        numbers[key] = buckets_.size();
        buckets_.push_back(bucket);
    }
    for (const Key& key : keys) bucket_of_.push_back(numbers.at(key));
    std::vector<OrderEntry> entries;
    for (const size_t i : learned_) entries.push_back({shards_.notes(i).repeats, static_cast<int64_t>(bucket_of_[i])});
    order_.emplace(std::move(entries), batch_size, seed);
}

Sample sample_of(Context& ctx, const Tensor& latents, const Tensor& text, const NoiseLevel& level, uint64_t noise,
                 bool first_frame) {
    Sample sample;
    sample.latents = to_device(ctx, latents);
    sample.noise = ops::random_normal(ctx, latents.shape(), DType::f32, noise, 0, 1);
    sample.text = {ops::convert(ctx, to_device(ctx, text), DType::f32), models::kTextRows - text.dim(0)};
    sample.timestep = level.timestep;
    sample.sigma = level.sigma;
    sample.weight = level.weight;
    sample.first_frame = first_frame;
    return sample;
}

}  // namespace t3video::training
