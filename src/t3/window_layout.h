// Which tokens attend to which: windows of the token grid, per pattern. Pure geometry.
//
// T3 ("Transform Trained Transformer") cuts the grid of tokens into n_t x n_h x n_w windows in two ways over the same
// queries, keys and values: contiguous blocks ("close") and strided residue classes ("remote"), and averages both.
// Layer i uses pattern i mod (number of patterns).
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "core/shape.h"
#include "ops/attention.h"

namespace t3video::t3 {

// Number of windows along each axis.
struct WindowCounts {
    int64_t t = 1, h = 1, w = 1;
    friend bool operator==(const WindowCounts&, const WindowCounts&) = default;
    friend std::ostream& operator<<(std::ostream& out, const WindowCounts& counts);  // "1x17x30"
};

struct WindowLayout {
    Grid grid;
    std::vector<WindowCounts> patterns;  // layer i uses patterns[i % patterns.size()]

    const WindowCounts& of_layer(int64_t layer) const { return patterns[static_cast<size_t>(layer) % patterns.size()]; }
};

// One pattern of one window: full attention over a grid.
WindowLayout full_attention(const Grid& grid);

// The released models' patterns: 81 frames of 3840x2176 pixels, where a token covers `cell` pixels a side: 16 (Wan2.1,
// grid 21x136x240) or 32 (Wan2.2, 21x68x120). Nothing for another cell.
std::optional<WindowLayout> published_layout(int64_t cell);

// Reads {"grid": [T, H, W], "window_counts": [[n_t, n_h, n_w], ...]}. Throws InvalidRequest naming the file for
// anything else, and for counts outside 1..extent.
WindowLayout read_layout(const std::filesystem::path& path);

// Tokens of a film at most: nearly 400 times those of the published 4K grid. What is computed of tokens, channels and
// bytes stays within 64 bits, and lists of tokens within what a machine that holds such a film has for them.
constexpr int64_t kMostTokens = int64_t{1} << 28;

// Throws InvalidRequest for an axis of less than one token, more than kMostTokens in all, more than 1024 patterns or a
// count outside 1..extent; `origin` names the layout in the message.
void check_layout(const WindowLayout& layout, const std::string& origin);

// Contiguous windows: along an axis of X tokens, window i of n holds [floor(iX/n), floor((i+1)X/n)).
ops::TokenWindows close_windows(const Grid& grid, const WindowCounts& counts);
// Strided windows: window i of n holds the tokens with index mod n = i.
ops::TokenWindows remote_windows(const Grid& grid, const WindowCounts& counts);

// Of each of these partitions: how many windows, and the tokens of the smallest and of the largest.
struct WindowRange {
    int64_t count, least, most;
};
WindowRange window_range(const Grid& grid, const WindowCounts& counts);

// Whether both partitions are the same sets of tokens: every axis has one window, or as many windows as tokens.
bool branches_coincide(const Grid& grid, const WindowCounts& counts);

// The windows one layer computes: one branch where both coincide, else close and remote.
using LayerWindows = std::vector<ops::TokenWindows>;
LayerWindows layer_windows(const Grid& grid, const WindowCounts& counts);

// In which order the rows of a layer's queries, keys and values follow one another: as tokens do, or as the windows of
// the first branch hold them, which then lie in one piece each.
enum class RowOrder { tokens, windows };
// A GPU copies windows that do not lie in one piece; the CPU reads rows anywhere.
RowOrder suitable_order(const Context& ctx);

// The windows of every pattern of a layout, uploaded to a context's device for a forward pass. `order` inside them
// counts rows. Of a context that only counts, windows have sizes and no lists: any grid takes the same time.
class LayoutWindows {
  public:
    LayoutWindows(Context& ctx, const WindowLayout& layout, RowOrder order);
    LayoutWindows(Context& ctx, const WindowLayout& layout) : LayoutWindows(ctx, layout, suitable_order(ctx)) {}
    const Grid& grid() const { return grid_; }
    const LayerWindows& of_layer(int64_t layer) const {
        return patterns_[static_cast<size_t>(layer) % patterns_.size()];
    }

    // The token of each row, [N] i64; null: rows are tokens.
    const Tensor* row_order(int64_t layer) const {
        const Tensor& order = orders_[static_cast<size_t>(layer) % orders_.size()];
        return order.defined() ? &order : nullptr;
    }

  private:
    Grid grid_;
    std::vector<LayerWindows> patterns_;
    std::vector<Tensor> orders_;
};

// Bytes of the lists of a LayoutWindows, in host memory.
size_t list_bytes(const WindowLayout& layout);

// Pairs of query and key that a layer with these counts scores (both branches where they differ): its FLOPs are
// 4 * width * pairs. Full attention scores tokens^2.
double scored_pairs(const Grid& grid, const WindowCounts& counts);

}  // namespace t3video::t3
