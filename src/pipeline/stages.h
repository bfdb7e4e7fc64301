// The long stages of a film.
#pragma once

#include <functional>

#include "media/frame.h"
#include "pipeline/film.h"
#include "pipeline/job.h"
#include "sampling/sampler.h"

namespace t3video::pipeline {

struct DenoiseOptions {
    bool together = false;                 // as Guidance's
    Tensor first_frame = {};               // as in denoise()
    sampling::StepObserver observer = {};  // as in denoise()
};

// Runs the steps of `schedule` from `start` under the film's guidance. -> [channels, T, rows, columns]. The film's
// solver, as solver_of() gives it; embeddings in host memory or on the device.
Tensor denoise_film(Context& ctx, ExpertsInTurn experts, const Film& film, const Embeddings& embeddings,
                    const sampling::Schedule& schedule, sampling::SampleState start,
                    const DenoiseOptions& options = {});

struct FrameSinks {
    std::function<void(const media::Image& frame)> frame;  // every frame, cropped to the film's size
    std::function<void(int64_t frames)> decoded = {};      // so many are decoded, rows of the next ones included
    media::Samples samples = media::Samples::u8;           // of these frames
};

// Decodes a latent, in host memory or on the device, with weights that are where the context computes, in bands of
// `band_rows` (models::DecodeOptions) and passes frames on as they become whole.
void decode_film(Context& ctx, const models::WanVae& vae, const Settings& settings, const Tensor& latent,
                 int64_t band_rows, const FrameSinks& sinks);

}  // namespace t3video::pipeline
