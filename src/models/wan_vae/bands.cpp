// Geometry and memory of decoding in bands.
#include "models/wan_vae/bands.h"

#include <algorithm>

#include "models/wan_vae/blocks.h"
#include "models/wan_vae/slices.h"

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

// Extents of the latent, and the frames of the middle block's result that are made, and then passed on, in one go.
struct Extents {
    int64_t frames, rows, columns;
    Device device;

    Extents(const Shape& latent, Device on) : frames(latent[1]), rows(latent[2]), columns(latent[3]), device(on) {}
    int64_t pixels() const { return rows * columns; }
    int64_t run() const { return std::min(frames, frames_per_call(device, rows, columns, 0)); }
    // Frames that are laid in front of a call's own, so that a GPU's convolution reads one run.
    int64_t joined() const { return device == Device::cpu ? 0 : 2; }
};

// Values alive up to the middle block's result, and that result.
int64_t middle_values(const VaeConfig& config, const Extents& latent) {
    const int64_t channels = config.decoder.base, past = std::min<int64_t>(latent.frames, 2);
    const int64_t histories = past * (config.z + 4 * channels);  // of the first convolution and of two blocks
    // A block: its input, that normed, a convolution's result. Attention, a frame at a time: norm, 3 times as many for
    // queries, keys and values together, those three apart, result, projection, sum; then all frames' sums.
    const int64_t work = latent.run() * 3 * channels + 9 * channels + 2 * latent.run() * channels;
    return latent.pixels() * (histories + work);
}

// Values alive for each pixel of a stage's input while it takes `frames` frames of it; input and result not counted.
// `past`: frames that a convolution remembers, 2 unless the video is shorter.
int64_t stage_values(const VaeStage& stage, int64_t in, bool shortcut, int64_t frames, int64_t past) {
    const int64_t doubling = stage.resample_time ? 2 : 1, width = stage.width;
    const int64_t histories = past * (in + (2 * stage.blocks - 1) * width + (stage.resample_time ? width : 0));
    // A block: its input, that normed, a convolution's result.
    int64_t work = 3 * std::max(in, width);
    if (stage.resample_time) work += 4 * width;              // pairs of frames in the channels, then apart
    if (stage.resample_space) work += doubling * stage.out;  // a quarter of the result: one parity of rows and columns
    // The result before the shortcut is added; or, in Wan2.1, that for the first frame, which comes alone: a block of a
    // size that its next stage has no other use for.
    if (shortcut) work += doubling * 4 * stage.out;
    if (!shortcut && stage.resample_time) work += 4 * stage.out;
    return histories + frames * work;
}

// Values of rows cut from n frames; those of a single frame need no copy.
int64_t cut_values(int64_t given, int64_t rows, int64_t columns, int64_t n, int64_t channels) {
    return n > 1 && rows < given ? n * rows * columns * channels : 0;
}

// Values alive above the middle block while a band is decoded. All stages are counted at once: a stage's result waits
// while the stages above take it apart, and memory that a stage has let go serves the others only where sizes agree.
int64_t band_values(const VaeConfig& config, const Extents& latent, const Band& band) {
    const std::vector<VaeStage>& stages = config.decoder.stages;
    int64_t values = 0, in = config.decoder.base, columns = latent.columns, frames = latent.frames, n = latent.run();
    int64_t given = band.levels[0].rows.count();
    for (size_t i = 0; i < stages.size(); ++i) {
        const VaeStage& stage = stages[i];
        const int64_t rows = band.levels[i].rows.count(), past = std::min<int64_t>(frames, 2);
        const bool shortcut = config.version == VaeVersion::wan22 && stage.resample_space;
        values += given * columns * n * in;
        n = std::min(n, frames_per_call(latent.device, given, columns, i));
        values += rows * columns * stage_values(stage, in, shortcut, n, past);
        values += rows * columns * latent.joined() * std::max(in, stage.width);
        values += cut_values(given, rows, columns, n, in);
        given = rows * zoom(stage);
        if (stage.resample_space) columns *= 2;
        if (stage.resample_time) {
            frames = 2 * frames - 1;
            n *= 2;
        }
        in = stage.out;
    }
    // The head: its memory, and frames as they come out and unfolded. What it is given, and that normed, are as large
    // as what the last stage's blocks work on, and come after that.
    const int64_t rows = band.levels.back().rows.count(), past = std::min<int64_t>(frames, 2);
    values += rows * columns * (past * in + 2 * n * config.frame_channels());
    return values + cut_values(given, rows, columns, n, in);
}

// Weights of the widest 3x3x3 convolution in f32, as stored and as arranged for the call.
int64_t weight_bytes(const VaeConfig& config) {
    int64_t channels = config.decoder.base;
    for (const VaeStage& stage : config.decoder.stages) channels = std::max(channels, stage.width);
    constexpr int64_t kTaps = 27, kArrangements = 2;
    return kTaps * kArrangements * channels * channels * static_cast<int64_t>(sizeof(float));
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

int64_t decode_bytes(const VaeConfig& config, const Shape& latent, int64_t band_rows, int64_t element_bytes,
                     Device device) {
    const Extents extents(latent, device);
    const std::vector<Band> bands = bands_of(config, extents.rows, band_rows);
    const int64_t middle = middle_values(config, extents);
    // The latent with its channels last, normalised, and after the 1x1x1 convolution.
    int64_t values = 3 * latent.numel();
    if (bands.size() == 1) {
        values += middle + band_values(config, extents, bands[0]);
    } else {
        int64_t largest = middle;
        for (const Band& band : bands) largest = std::max(largest, band_values(config, extents, band));
        values += largest + extents.frames * extents.pixels() * config.decoder.base;  // of the middle block, to the end
    }
    constexpr int64_t kLibraries = 24 << 20;                                    // their plans and code
    return values * element_bytes / 8 * 9 + weight_bytes(config) + kLibraries;  // the pool rounds up by 0 to 12.5 %
}

int64_t band_rows_for(const VaeConfig& config, const Shape& latent, int64_t element_bytes, int64_t budget_bytes,
                      Device device) {
    if (decode_bytes(config, latent, 0, element_bytes, device) <= budget_bytes) return 0;
    const int64_t cell = config.stride_hw(), latent_rows = latent[2];
    for (int64_t count = 2; count < latent_rows; ++count) {
        const int64_t band_rows = divide_up(latent_rows, count) * cell;
        if (decode_bytes(config, latent, band_rows, element_bytes, device) <= budget_bytes) return band_rows;
    }
    return cell;
}

}  // namespace t3video::models
