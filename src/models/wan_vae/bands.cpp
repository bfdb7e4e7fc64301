// Geometry of decoding in bands.
#include "models/wan_vae/bands.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::models {
namespace {

int64_t divide_up(int64_t value, int64_t by) {
    return (value + by - 1) / by;
}

}  // namespace

std::vector<Band> bands_of(const nn::Halo& halo, int64_t latent_rows, int64_t band_rows) {
    require(latent_rows >= 1 && band_rows >= 0, "bands of ", band_rows, " rows for a latent of ", latent_rows);
    const int64_t most = band_rows == 0 ? latent_rows : divide_up(band_rows, halo.scale);
    // All bands but the first and the last have the same height at each scale: what a library or a kernel prepares for
    // one shape serves them all. Two rows are the least, because a residual block hands on so many rows of its input.
    const int64_t height = std::max<int64_t>(2, divide_up(latent_rows, divide_up(latent_rows, most)));
    std::vector<Band> bands;
    Band band;
    for (band.latent.last = halo.lag() + height; band.latent.last < latent_rows; band.latent.last += height) {
        band.video.last = halo.determined(band.latent.last);
        bands.push_back(band);
        band = {{band.latent.last, band.latent.last}, {band.video.last, band.video.last}};
    }
    bands.push_back({{band.latent.first, latent_rows}, {band.video.first, latent_rows * halo.scale}});
    return bands;
}

}  // namespace t3video::models
