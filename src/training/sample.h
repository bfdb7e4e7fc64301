// What a training step learns from.
#pragma once

#include <span>

#include "models/wan_dit/model.h"

namespace t3video::training {

// An encoded clip, and the noise that it is hidden in.
struct Sample {
    Tensor latents, noise;  // [channels, T, 2H, 2W] f32, where the context computes
    models::TextRows text;
    double timestep = 0;       // as the network is told, 0..1000
    double sigma = 0;          // share of noise, 0..1
    double weight = 1;         // of the loss
    bool first_frame = false;  // image to video: the first latent frame stays clean, at timestep 0, and counts nothing

    models::Conditioning conditioning() const { return {.clean_frames = first_frame ? 1 : 0}; }
};

// Throws Error for shapes that do not fit each other, and numbers outside what is said here.
void check(const Sample& sample);

// Of one or more, which also agree in the shape of their latents.
void check(std::span<const Sample> samples);

// (1 - sigma) * latents + sigma * noise: what the network sees; of several [samples, channels, T, 2H, 2W].
Tensor noisy(Context& ctx, const Sample& sample);
Tensor noisy(Context& ctx, std::span<const Sample> samples);
// noise - latents: the velocities that it should answer with, [samples, channels, T, 2H, 2W].
Tensor target(Context& ctx, std::span<const Sample> samples);

}  // namespace t3video::training
