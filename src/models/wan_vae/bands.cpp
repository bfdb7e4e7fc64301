// Geometry of decoding in bands.
#include "models/wan_vae/bands.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::models {
namespace {

int64_t divide_up(int64_t value, int64_t by) {
    return (value + by - 1) / by;
}

// Where the pixel rows end that the first `latent_rows` rows of the middle block's result give, while there are more
// below. Each convolution ends a row above what it takes. Negative if a level would get fewer rows than the band below
// asks to be handed: two for a convolution, all that a stage falls behind by for the shortcut around it.
int64_t video_end(const VaeConfig& config, int64_t latent_rows) {
    int64_t rows = latent_rows;
    for (const VaeStage& stage : config.decoder.stages) {
        const int64_t lag = 2 * stage.blocks;
        if (rows < lag + 1) return -1;
        rows -= lag;
        if (stage.resample_space) rows = 2 * rows - 1;
    }
    return rows < 2 ? -1 : (rows - 1) * config.patch();
}

// Rows of the latent by which the rows given lie behind those taken, rounded up.
int64_t lag_of(const VaeConfig& config) {
    int64_t taken = 1;
    while (video_end(config, taken) < 0) ++taken;
    return taken - video_end(config, taken) / config.stride_hw();
}

}  // namespace

std::vector<Band> bands_of(const VaeConfig& config, int64_t latent_rows, int64_t band_rows) {
    require(latent_rows >= 1 && band_rows >= 0, "bands of ", band_rows, " rows for a latent of ", latent_rows);
    const int64_t cell = config.stride_hw(), most = band_rows == 0 ? latent_rows : divide_up(band_rows, cell);
    // All bands but the first and the last have the same height at each level: what a library or a kernel prepares for
    // one shape serves them all.
    const int64_t height = std::max<int64_t>(2, divide_up(latent_rows, divide_up(latent_rows, most)));
    std::vector<Band> bands;
    Rows taken, given;
    for (taken.last = lag_of(config) + height; taken.last < latent_rows; taken.last += height) {
        given.last = video_end(config, taken.last);
        bands.push_back({taken, given});
        taken.first = taken.last;
        given.first = given.last;
    }
    bands.push_back({{taken.first, latent_rows}, {given.first, latent_rows * cell}});
    return bands;
}

}  // namespace t3video::models
