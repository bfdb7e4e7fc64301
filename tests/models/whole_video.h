// Videos as the tests of both autoencoders take them: whole.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "tensor/tensor.h"

namespace t3video::testing {

inline Tensor without_batch(const Tensor& x) {
    return x.reshape({x.dim(1), x.dim(2), x.dim(3), x.dim(4)});
}

// The video of a latent, [frames, H, W, 3] as the decoder gives it; frames and bands must come in order and cover it.
template <class Vae>
Tensor decoded_whole(Context& ctx, const Vae& vae, const Tensor& latent, int64_t stride_t, int64_t cell,
                     int64_t band_rows) {
    const int64_t frames = 1 + (latent.dim(1) - 1) * stride_t;
    Tensor video = zeros(ctx, {frames, latent.dim(2) * cell, latent.dim(3) * cell, 3});
    const int64_t height = video.dim(1), row = video.dim(2) * 3;
    int64_t next_frame = 0, next_row = 0;
    vae.decode(ctx, latent,
               [&](const Tensor& part, int64_t first_frame, int64_t first_row) {
                   ASSERT_EQ(first_frame, next_frame);
                   ASSERT_EQ(first_row, next_row);
                   ASSERT_LE(first_frame + part.dim(0), frames);
                   ASSERT_LE(first_row + part.dim(1), height);
                   ASSERT_EQ(part.shape(), (Shape{part.dim(0), part.dim(1), video.dim(2), 3}));
                   for (int64_t t = 0; t < part.dim(0); ++t) {
                       std::ranges::copy(part.slice(t, t + 1).template span<float>(),
                                         video.data<float>() + ((first_frame + t) * height + first_row) * row);
                   }
                   next_frame += part.dim(0);
                   if (next_frame < frames) return;
                   next_frame = 0;
                   next_row += part.dim(1);
               },
               {.band_rows = band_rows});
    EXPECT_EQ(next_row, height);
    return video;
}

}  // namespace t3video::testing
