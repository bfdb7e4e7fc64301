// Whole cells, and the published sizes near them.
#include "film/frame_size.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "t3/window_layout.h"

namespace t3video::film {
namespace {

int64_t round_up(int64_t value, int64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

void require_tokens(const Grid& grid, int64_t cell) {
    if (grid.tokens() <= t3::kMostTokens) return;
    const int64_t frames = (t3::kMostTokens / (grid.h * grid.w) - 1) * 4 + 1;
    // Of the same shape, 2 % below the bound: what is near a published size is rounded up to it.
    const double scale = std::sqrt(0.98 * double(t3::kMostTokens) / double(grid.tokens()));
    const auto side = [&](int64_t cells) {
        return std::max<int64_t>(1, static_cast<int64_t>(scale * double(cells))) * cell;
    };
    throw InvalidRequest(Message(Field("size", grid.w * cell, 'x', grid.h * cell), " ",
                                 Field("frames", (grid.t - 1) * 4 + 1), ": a film of ", grid.tokens(),
                                 " tokens; the largest has ", t3::kMostTokens, "; try ", Field("frames", frames),
                                 " or ", Field("size", side(grid.w), 'x', side(grid.h))));
}

}  // namespace

FrameSize frame_size(int64_t width, int64_t height, int64_t frames, int64_t cell) {
    const Field asked("size", width, "x", height);
    require_valid(width >= cell && height >= cell && width <= 16384 && height <= 16384, asked, ": each side must be ",
                  cell, " to 16384 pixels");
    constexpr int64_t kMostFrames = 1'000'001;  // far beyond any film: products stay within 64 bits
    require_valid(frames >= 1 && frames <= kMostFrames && frames % 4 == 1, Field("frames", frames),
                  ": the model makes 4k+1 frames; try ", std::clamp<int64_t>(frames / 4 * 4 + 1, 1, kMostFrames));
    FrameSize size{round_up(width, cell), round_up(height, cell), {}};
    const bool uhd = (width == 3840 && height == 2160) || (width == 2160 && height == 3840);
    const auto published = t3::published_layout(cell);
    if (published && (uhd || size.width != width || size.height != height)) {
        const int64_t longer = published->grid.w * cell, shorter = published->grid.h * cell;
        for (const auto& [w, h] : {std::pair(longer, shorter), std::pair(shorter, longer)}) {
            const bool close = w >= width && w - width <= 32 && h >= height && h - height <= 32;
            if (close) size = {w, h, {}};
        }
    }
    size.grid = {(frames - 1) / 4 + 1, size.height / cell, size.width / cell};
    require_tokens(size.grid, cell);
    return size;
}

std::pair<int64_t, int64_t> size_by_shape(int64_t width, int64_t height, int64_t area, int64_t cell) {
    require(width > 0 && height > 0 && area > 0 && cell > 0, "size of shape ", width, ":", height, ", ", area,
            " pixels, cells of ", cell);
    const double ratio = double(width) / double(height);
    const auto whole_cells = [&](double side) {
        return std::max<int64_t>(1, static_cast<int64_t>(side) / cell) * cell;
    };
    const int64_t by_width = whole_cells(std::sqrt(double(area) * ratio)),
                  by_height = whole_cells(double(area) / std::sqrt(double(area) * ratio));
    const std::pair first{by_width, whole_cells(double(area) / double(by_width))},
        second{whole_cells(double(area) / double(by_height)), by_height};
    const auto off = [&](const std::pair<int64_t, int64_t>& size) {
        const double found = double(size.first) / double(size.second);
        return std::max(ratio / found, found / ratio);
    };
    return off(first) < off(second) ? first : second;
}

}  // namespace t3video::film
