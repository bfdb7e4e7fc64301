// What a run takes before its first step: memory of every bucket, time of the whole.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "plan/machine.h"
#include "plan/rates.h"
#include "training/run/options.h"
#include "training/run/stage_clips.h"

namespace t3video::training {

struct BucketPlan {
    size_t stage = 0;
    ClipBucket bucket;
    film::LayoutChoice windows;
    StepPlan step;            // of `together` clips
    double clip_seconds = 0;  // forward and backward of one
};

struct RunPlan {
    std::vector<BucketPlan> buckets;                 // the largest of each stage first
    nn::Residency frozen = nn::Residency::resident;  // of a LoRA's base: streamed where it does not fit otherwise
    size_t bytes = 0, host_bytes = 0;                // at most, of any bucket
    size_t allowed = 0, host_allowed = 0;
    std::string limit;          // Machine::limit
    double update_seconds = 0;  // of the optimiser
    double seconds = 0;         // of all updates, and of validation between
    Message refusal;            // why it does not fit, and what would; empty where it fits
};

struct PlannedStage {
    const StageClips& clips;
    std::vector<film::LayoutChoice> windows;  // of each bucket
    int64_t updates = 0, batches = 1;         // batches: of an epoch
    int64_t validation_clips = 0;
};

// `dit`: shapes, and values that need not be read. `host`: bytes of host memory that the run may take.
RunPlan plan_run(const models::WanDit& dit, const RunOptions& options, const std::vector<PlannedStage>& stages,
                 const plan::Machine& machine, size_t host, const plan::Rates& rates);

}  // namespace t3video::training
