// Geometry of decoding in bands.
#include "models/wan_vae/bands.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::models {
namespace {

int64_t divide_up(int64_t value, int64_t by) {
    return (value + by - 1) / by;
}

Rows grown(Rows rows, int64_t by) {
    return {rows.first - by, rows.last + by};
}

// Rows of a frame that rows of the doubled and convolved frame depend on: floor((first - 1) / 2), ceil((last + 1) / 2).
Rows before_doubling(Rows rows) {
    return {(rows.first - 1) >> 1, (rows.last + 2) >> 1};
}

int64_t zoom(const VaeStage& stage) {
    return stage.resample_space ? 2 : 1;
}

// Rows that a stage needs for some rows of its result: a block's two convolutions reach two rows further.
Rows before_stage(const VaeStage& stage, Rows rows) {
    return grown(stage.resample_space ? before_doubling(rows) : rows, 2 * stage.blocks);
}

Rows within(Rows rows, int64_t height) {
    return {std::max<int64_t>(rows.first, 0), std::min(rows.last, height)};
}

// The rows that each level needs, and the height of its frames.
struct Needs {
    std::vector<Rows> rows;
    std::vector<int64_t> heights;
};

Needs needs_of(const VaeConfig& config, int64_t latent_rows, Rows video) {
    const std::vector<VaeStage>& stages = config.decoder.stages;
    Needs needs{std::vector<Rows>(stages.size() + 1), std::vector<int64_t>(stages.size() + 1)};
    needs.heights.back() = latent_rows * config.decoder.space_factor();
    const Rows folded{video.first / config.patch(), video.last / config.patch()};
    needs.rows.back() = within(grown(folded, 1), needs.heights.back());
    for (size_t i = stages.size(); i-- > 0;) {
        needs.heights[i] = needs.heights[i + 1] / zoom(stages[i]);
        needs.rows[i] = within(before_stage(stages[i], needs.rows[i + 1]), needs.heights[i]);
    }
    return needs;
}

// `counts`: rows that every band takes at each level, at least what it needs.
Band band_of(const VaeConfig& config, Rows video, const Needs& needs, const std::vector<int64_t>& counts) {
    Band band{.video = video};
    int64_t given_first = 0, given_last = needs.heights[0];  // by the level below
    for (size_t i = 0; i < counts.size(); ++i) {
        const int64_t first = std::clamp(needs.rows[i].first, given_first, given_last - counts[i]);
        band.levels.push_back({{first, first + counts[i]}, first - given_first});
        if (i + 1 == counts.size()) break;
        const int64_t factor = zoom(config.decoder.stages[i]);
        given_first = factor * first;
        given_last = factor * (first + counts[i]);
    }
    band.skip = video.first / config.patch() - band.levels.back().rows.first;
    return band;
}

}  // namespace

std::vector<Band> bands_of(const VaeConfig& config, int64_t latent_rows, int64_t band_rows) {
    require(latent_rows >= 1 && band_rows >= 0, "bands of ", band_rows, " rows for a latent of ", latent_rows);
    const int64_t cell = config.stride_hw(), most = band_rows == 0 ? latent_rows : divide_up(band_rows, cell);
    const int64_t count = divide_up(latent_rows, most);
    std::vector<Rows> videos;
    std::vector<Needs> needs;
    std::vector<int64_t> counts(config.decoder.stages.size() + 1, 0);
    for (int64_t i = 0; i < count; ++i) {
        videos.push_back({latent_rows * i / count * cell, latent_rows * (i + 1) / count * cell});
        needs.push_back(needs_of(config, latent_rows, videos.back()));
        for (size_t k = 0; k < counts.size(); ++k) counts[k] = std::max(counts[k], needs.back().rows[k].count());
    }
    std::vector<Band> bands;
    for (size_t i = 0; i < videos.size(); ++i) bands.push_back(band_of(config, videos[i], needs[i], counts));
    return bands;
}

}  // namespace t3video::models
