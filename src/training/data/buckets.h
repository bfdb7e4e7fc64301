// Sizes and lengths that clips are brought to, so that several may be learned from at once.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace t3video::training {

// In pixels.
struct Size {
    int64_t width = 0, height = 0;
    auto operator<=>(const Size&) const = default;
};

struct Bucket {
    Size size;
    int64_t frames = 1;  // 4k+1; a picture is a clip of one frame
    auto operator<=>(const Bucket&) const = default;
};

constexpr int64_t kLongestSide = int64_t{1} << 16;  // of sizes here, in pixels

// The sizes of about the area of `resolution`, in whole cells, as musubi-tuner's BucketSelector lists them: from half
// its square root to one cell above its square root by steps of the cell, the other side as long as the area lets it,
// each in both orientations. Sorted, each once. Throws InvalidRequest, naming the field size, for sides below one
// cell or beyond kLongestSide.
std::vector<Size> aspect_sizes(Size resolution, int64_t cell);

// The sizes of about that area in shapes given as width by height, as diffusion-pipe makes them: sides of
// sqrt(area * ratio) and sqrt(area / ratio), rounded to whole cells, at least one. Sorted, each once. Throws
// InvalidRequest as aspect_sizes does, and for a ratio outside 1/100..100.
std::vector<Size> ratio_sizes(Size resolution, std::span<const double> ratios, int64_t cell);

// Of `sizes` the one for a clip that is shown at `shown`: the shape nearest by the logarithm of width by height; of
// those of one shape the nearest by the logarithm of the area, of equals the first. With `no_upscale` sizes that the
// clip does not cover are left out, and where that leaves none it keeps its own, cut to whole cells. Nothing where that
// is not even one cell. Throws InvalidRequest, naming the field size, for no sizes or one that the cell does not
// divide.
std::optional<Size> nearest_size(std::span<const Size> sizes, Size shown, int64_t cell, bool no_upscale);

// The longest length that a clip of so many frames fills: clips are never stretched. Nothing where there is none.
std::optional<int64_t> nearest_length(std::span<const int64_t> lengths, int64_t frames);

}  // namespace t3video::training
