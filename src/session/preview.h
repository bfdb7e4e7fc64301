// A small picture of a film that is still being denoised.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "media/frame.h"
#include "models/small_vae/small_vae.h"
#include "models/wan_vae/wan_vae.h"
#include "sampling/sampler.h"
#include "sampling/schedule.h"

namespace t3video::session {

// Latent channels to colours by a linear map, one pixel per latent pixel: fitted by least squares to what the VAE makes
// of smooth random latents. It costs a few decodes of 128x128 pixels once, and next to nothing per picture, where the
// decoder would need memory that the transformer holds.
class LatentColours {
  public:
    // Decodes on the context; the VAE's weights are where it computes.
    LatentColours(Context& ctx, const models::WanVae& vae);

    // frame: [channels, rows, columns] f32 in host memory -> columns x rows pixels.
    media::Image picture(const Tensor& frame) const;

  private:
    std::vector<double> map_;  // [channels + 1, 3], the last row for the constant
};

// A clean latent frame, [channels, rows, columns] f32 in host memory, as a picture.
using LatentPainter = std::function<media::Image(const Tensor& frame)>;

// What a small decoder makes of the frame, so many rows of pixels at a time; the context's memory is free for that.
media::Image decoded_picture(Context& ctx, const models::SmallVae& decoder, const Tensor& frame, int64_t band_rows);

// Keeps what is needed to see through the noise: the clean sample that the last step was heading for,
// (s * x' - s' * x) / (s - s') for a step from level s to s'.
class Preview {
  public:
    Preview(LatentPainter painter, sampling::Schedule schedule, int64_t every);

    // To be called with the start and after each step; the image if one is due: after every `every` steps and the last.
    std::optional<media::Image> see(Context& ctx, const sampling::SampleState& state);

  private:
    bool due(int64_t step) const;

    LatentPainter painter_;
    sampling::Schedule schedule_;
    int64_t every_, earlier_step_ = -1;
    Tensor earlier_;  // the middle frame, [channels, rows, columns]
};

}  // namespace t3video::session
