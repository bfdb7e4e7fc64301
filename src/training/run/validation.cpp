// Forward passes without a tape.
#include "training/run/validation.h"

#include <cmath>
#include <map>

#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "core/hash_normal.h"
#include "ops/loss.h"

namespace t3video::training {
namespace {

Tensor velocity_of(Context& ctx, const models::WanDit& dit, const Sample& s, const t3::LayoutWindows& windows) {
    const auto text = dit.embed_text(ctx, s.text.rows, s.text.padding);
    return dit.forward(ctx, noisy(ctx, s), s.timestep, text, windows, s.conditioning());
}

Sample question(Context& ctx, const EncodedClip& clip, size_t number, size_t level, bool first_frame) {
    const double sigma = kValidationSigmas.at(level);
    const uint64_t noise = mix_bits(mix_bits(number) + level);
    return sample_of(ctx, clip.latents, clip.texts.front(), {.timestep = 1000 * sigma, .sigma = sigma}, noise,
                     first_frame && clip.latents.dim(1) > 1);
}

}  // namespace

ValidationLosses validate(Context& ctx, const models::WanDit& dit, const ChosenClips& clips, const WindowsOf& windows,
                          bool first_frame) {
    ValidationLosses losses;
    for (size_t i = 0; i < clips.clips.size(); ++i) {
        const EncodedClip clip = clips.shards->clip(clips.clips[i]);
        for (size_t level = 0; level < kValidationSigmas.size(); ++level) {
            const Sample s = question(ctx, clip, i, level, first_frame);
            const Tensor v = velocity_of(ctx, dit, s, windows(models::WanDit::grid_of(s.latents)));
            const Tensor wanted = target(ctx, {&s, 1}).reshape(v.shape());
            losses.at[level] += ops::squared_error(ctx, v, wanted, s.conditioning().clean_frames, 1.0f).value;
        }
        ++losses.clips;
    }
    for (double& loss : losses.at) {
        loss /= static_cast<double>(std::max<int64_t>(1, losses.clips));
        losses.mean += loss / static_cast<double>(kValidationSigmas.size());
    }
    return losses;
}

std::vector<Tensor> probe(Context& ctx, const models::WanDit& dit, const ChosenClips& clips, const WindowsOf& windows,
                          bool first_frame) {
    constexpr size_t kClips = 2, kLevel = 2;
    std::vector<Tensor> outputs;
    for (size_t i = 0; i < std::min(kClips, clips.clips.size()); ++i) {
        const Sample s = question(ctx, clips.shards->clip(clips.clips[i]), i, kLevel, first_frame);
        outputs.push_back(to_host(ctx, velocity_of(ctx, dit, s, windows(models::WanDit::grid_of(s.latents)))));
    }
    return outputs;
}

double distance(const std::vector<Tensor>& before, const std::vector<Tensor>& now) {
    double moved = 0, size = 0;
    require_valid(before.size() == now.size(), "the base's outputs are of other clips than the run's");
    for (size_t i = 0; i < before.size(); ++i) {
        require_valid(before[i].shape() == now[i].shape(), "the base's outputs are of other clips than the run's");
        const auto a = before[i].span<float>(), b = now[i].span<float>();
        for (size_t k = 0; k < a.size(); ++k) {
            moved += (double{b[k]} - double{a[k]}) * (double{b[k]} - double{a[k]});
            size += double{a[k]} * double{a[k]};
        }
    }
    return size > 0 ? std::sqrt(moved / size) : 0;
}

void save_probe(const std::filesystem::path& path, const std::vector<Tensor>& outputs) {
    std::map<std::string, Tensor> tensors;
    for (size_t i = 0; i < outputs.size(); ++i) tensors[std::to_string(i)] = outputs[i];
    checkpoint::save_safetensors(path, tensors);
}

std::vector<Tensor> load_probe(const std::filesystem::path& path) {
    const checkpoint::TensorSource source = checkpoint::open_tensors(path);
    std::vector<Tensor> outputs;
    for (size_t i = 0; i < source.tensors.size(); ++i) outputs.push_back(source.at(std::to_string(i)));
    return outputs;
}

}  // namespace t3video::training
