// How well a model predicts clips that it does not learn from: the loss at fixed noise and fixed noise levels, and how
// far its answers have moved from the base's.
#pragma once

#include <array>
#include <filesystem>
#include <functional>
#include <vector>

#include "training/run/stage_clips.h"

namespace t3video::training {

constexpr std::array<double, 5> kValidationSigmas = {0.1, 0.3, 0.5, 0.7, 0.9};

struct ValidationLosses {
    std::array<double, kValidationSigmas.size()> at{};  // mean squared error of the velocity at each, over the clips
    double mean = 0;
    int64_t clips = 0;
};

// Of a shard set, those with these numbers.
struct ChosenClips {
    const ShardSet* shards = nullptr;
    std::vector<size_t> clips;
};

// The windows of a grid; the reference is valid until the next call.
using WindowsOf = std::function<const t3::LayoutWindows&(const Grid& grid)>;

// The noise of a clip follows from its number and the level, so that every call asks the same questions. Unweighted.
ValidationLosses validate(Context& ctx, const models::WanDit& dit, const ChosenClips& clips, const WindowsOf& windows,
                          bool first_frame);

// What the model answers for the first two of the clips at half noise, in host memory: [channels, T, 2H, 2W] each.
std::vector<Tensor> probe(Context& ctx, const models::WanDit& dit, const ChosenClips& clips, const WindowsOf& windows,
                          bool first_frame);

constexpr double kMoved = 1e-3;  // an output that moved by less has not learned anything to speak of

// || now - before || / || before || over all of them. Throws InvalidRequest where they do not match.
double distance(const std::vector<Tensor>& before, const std::vector<Tensor>& now);

void save_probe(const std::filesystem::path& path, const std::vector<Tensor>& outputs);
std::vector<Tensor> load_probe(const std::filesystem::path& path);

}  // namespace t3video::training
