// A retrofit as it was asked for: what is trained on what, how long, and what is looked at on the way. Its fields by
// name: training/run/fields.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "film/layout_choice.h"
#include "film/model_files.h"
#include "training/noise_levels.h"
#include "training/rate.h"
#include "training/trainer.h"

namespace t3video::training {

// A part of a run with clips of its own: another size, or other windows of frames.
struct StageChoice {
    std::filesystem::path data;  // a folder of shards
    int64_t updates = 0;         // 0: RunOptions::updates
};

enum class ExportType { bf16, f32 };

struct RunOptions {
    std::filesystem::path model;  // folder; empty: the bundled demo
    film::PartOverrides parts;
    std::filesystem::path output;  // the run's folder

    std::vector<StageChoice> stages;  // in turn
    int64_t updates = 1000;           // of a stage that does not say
    int64_t batch = 1;                // clips of one bucket in an update, times `accumulate`
    int64_t accumulate = 1;
    int64_t together = 1;  // clips of a batch that cross the model in one pass
    uint64_t seed = 0;

    bool from_scratch = false;  // fresh weights of the model's sizes in place of its own
    int64_t rank = 0;           // of a LoRA; 0: all weights are trained
    double alpha = 0;           // 0: as the rank
    std::vector<std::string> targets = AdapterOptions().targets;

    film::Attention attention = film::Attention::t3;
    std::filesystem::path layout;  // of windows; those of other grids are planned from it. Empty: the model's, else the
                                   // published table
    t3::Branches branches = t3::Branches::both;

    std::optional<double> rate;  // unset: 2e-5 of all weights, 1e-4 of a LoRA
    RateOptions schedule;        // but for its rate and updates
    AdamWOptions optimizer;
    NoiseLevelOptions noise;
    double caption_dropout = 0;  // share of clips that are shown without their caption
    bool first_frame = false;    // image to video: the first latent frame is given, as Sample::first_frame

    std::optional<DType> stream;  // as TrainOptions
    nn::StreamPlace streams = nn::StreamPlace::device;
    bool deterministic = false;

    std::filesystem::path validation;  // a folder of shards; empty: clips of the data are held out
    int64_t validation_clips = 8;      // at most; 0: none
    int64_t validate_every = 100;      // updates; 0: at the beginning and the end of a stage
    std::vector<std::string> prompts;  // of sample films
    int64_t sample_every = 0;          // updates; 0: at the end
    std::optional<int64_t> sample_steps;
    int64_t save_every = 100;  // updates
    int64_t keep = 3;          // checkpoints
    ExportType export_type = ExportType::bf16;

    double rate_or_default() const { return rate.value_or(rank > 0 ? 1e-4 : 2e-5); }
    int64_t updates_of(const StageChoice& stage) const { return stage.updates > 0 ? stage.updates : updates; }
    int64_t all_updates() const;
    int64_t clips_per_update() const { return batch * accumulate; }
    RateOptions rate_options(const StageChoice& stage) const;
    TrainOptions train_options() const;
};

// Throws InvalidRequest naming the field for numbers out of their range, and for choices that exclude each other.
void check(const RunOptions& options);

}  // namespace t3video::training
