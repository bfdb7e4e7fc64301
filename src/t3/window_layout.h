// Which tokens attend to which: windows of the token grid, per pattern. Pure geometry.
//
// T3 ("Transform Trained Transformer") cuts the grid of tokens into n_t x n_h x n_w windows in two ways over the same
// queries, keys and values: contiguous blocks ("close") and strided residue classes ("remote"), and averages both.
// Layers take the patterns in turn, or as the layout's schedule says.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/shape.h"
#include "ops/attention.h"

namespace t3video::t3 {

// Tokens by which close windows are moved towards the end of each axis, as in shifted-window attention but without
// wrapping: what is left of the first window in front, and of the last one behind, are smaller windows. Remote windows
// would be the same ones again, and stay.
struct Shift {
    int64_t t = 0, h = 0, w = 0;
    friend bool operator==(const Shift&, const Shift&) = default;
};

// Which of its two ways of cutting a layer takes: the mean of both, as T3 has it, or one, as its ablations have it.
enum class Branches { both, close, remote };

std::string_view name_of(Branches branches);                    // "both", "close" or "remote"
std::optional<Branches> parse_branches(std::string_view name);  // nothing for another name

// How one layer cuts the grid: the number of windows along each axis.
struct Pattern {
    int64_t t = 1, h = 1, w = 1;
    Shift shift = {};
    Branches branches = Branches::both;
    friend bool operator==(const Pattern&, const Pattern&) = default;
    friend std::ostream& operator<<(std::ostream& out, const Pattern& pattern);  // "1x17x30", "1x17x30 shifted 0,4,4",
                                                                                 // "1x17x30 close"
};

struct WindowLayout {
    Grid grid;
    std::vector<Pattern> patterns;
    // The pattern of each layer, from the beginning again where it ends; empty: all in turn.
    std::vector<int64_t> schedule = {};

    // Layers after which patterns repeat.
    size_t cycle() const { return schedule.empty() ? patterns.size() : schedule.size(); }
    size_t pattern_of(int64_t layer) const {
        const size_t i = static_cast<size_t>(layer) % cycle();
        return schedule.empty() ? i : static_cast<size_t>(schedule[i]);
    }
    const Pattern& of_layer(int64_t layer) const { return patterns[pattern_of(layer)]; }
    friend bool operator==(const WindowLayout&, const WindowLayout&) = default;
};

// One pattern of one window: full attention over a grid.
WindowLayout full_attention(const Grid& grid);

// The released models' patterns: 81 frames of 3840x2176 pixels, where a token covers `cell` pixels a side: 16 (Wan2.1,
// grid 21x136x240) or 32 (Wan2.2, 21x68x120). Nothing for another cell.
std::optional<WindowLayout> published_layout(int64_t cell);

// A layout as JSON: {"grid": [T, H, W], "window_counts": [[n_t, n_h, n_w], ...]}, and where it has them "shift":
// [[t, h, w], ...], one for each pattern, "schedule": [pattern, ...], and "branches": ["both", "close" or "remote",
// ...], one for each pattern, or one text for all. Reading throws InvalidRequest naming the file for anything else and
// for what check_layout() refuses; writing throws WriteError.
WindowLayout read_layout(const std::filesystem::path& path);
std::string layout_text(const WindowLayout& layout);
void write_layout(const std::filesystem::path& path, const WindowLayout& layout);

// Tokens of a film at most: nearly 400 times those of the published 4K grid. What is computed of tokens, channels and
// bytes stays within 64 bits, and lists of tokens within what a machine that holds such a film has for them.
constexpr int64_t kMostTokens = int64_t{1} << 28;

// Throws InvalidRequest for an axis of less than one token, more than kMostTokens in all, more than 1024 patterns or
// entries of a schedule, a count outside 1..extent, a shift that is not smaller than every window, and a schedule of
// patterns that are not there; `origin` names the layout in the message, which says what the nearest valid choice is.
void check_layout(const WindowLayout& layout, const std::string& origin);

// The pattern with the least changes that check_layout() takes: itself where that is so.
Pattern nearest_valid(const Grid& grid, const Pattern& pattern);

// Contiguous windows: along an axis of X tokens, window i of n holds [floor(iX/n), floor((i+1)X/n)) moved by the
// shift; where there is one, window -1 holds what lies in front.
std::pair<int64_t, int64_t> close_part(int64_t extent, int64_t count, int64_t shift, int64_t part);
ops::TokenWindows close_windows(const Grid& grid, const Pattern& counts);
// Strided windows: window i of n holds the tokens with index mod n = i.
ops::TokenWindows remote_windows(const Grid& grid, const Pattern& counts);

// How many close windows there are, and the tokens of the smallest and of the largest. Remote ones are as many and as
// large as close ones without a shift.
struct WindowRange {
    int64_t count, least, most;
};
WindowRange window_range(const Grid& grid, const Pattern& counts);
// Tokens of the largest window of either branch.
int64_t largest_window(const Grid& grid, const Pattern& pattern);

// Whether both partitions are the same sets of tokens: every axis has one window that is not moved, or as many windows
// as tokens.
bool branches_coincide(const Grid& grid, const Pattern& counts);

// The windows one layer computes: one branch where both coincide or one is left out, else close and remote.
using LayerWindows = std::vector<ops::TokenWindows>;
LayerWindows layer_windows(const Grid& grid, const Pattern& counts);

// In which order the rows of a layer's queries, keys and values follow one another: as tokens do, or as the windows of
// the first branch hold them, which then lie in one piece each.
enum class RowOrder { tokens, windows };
// A GPU copies windows that do not lie in one piece; the CPU reads rows anywhere.
RowOrder suitable_order(const Context& ctx);

// The windows of every pattern of a layout, uploaded to a context's device for a forward pass. `order` inside them
// counts rows. Several samples lie one behind another, as tokens and as rows, and no window reaches from one into
// another. Of a context that only counts, windows have sizes and no lists: any grid takes the same time.
class LayoutWindows {
  public:
    // Throws InvalidRequest as check_layout(), and for samples of more than kMostTokens in all.
    LayoutWindows(Context& ctx, const WindowLayout& layout, RowOrder order, int64_t samples = 1);
    LayoutWindows(Context& ctx, const WindowLayout& layout, int64_t samples = 1)
        : LayoutWindows(ctx, layout, suitable_order(ctx), samples) {}
    const Grid& grid() const { return layout_.grid; }
    int64_t samples() const { return samples_; }
    const LayerWindows& of_layer(int64_t layer) const { return patterns_[layout_.pattern_of(layer)]; }

    // The token of each row, [samples*N] i64; null: rows are tokens.
    const Tensor* row_order(int64_t layer) const {
        const Tensor& order = orders_[layout_.pattern_of(layer)];
        return order.defined() ? &order : nullptr;
    }

  private:
    WindowLayout layout_;
    int64_t samples_;
    std::vector<LayerWindows> patterns_;
    std::vector<Tensor> orders_;
};

// Bytes of the lists of a LayoutWindows, in host memory.
size_t list_bytes(const WindowLayout& layout);

// Pairs of query and key that a layer with this pattern scores (both branches where they differ): its FLOPs are
// 4 * width * pairs. Full attention scores tokens^2.
double scored_pairs(const Grid& grid, const Pattern& counts);

}  // namespace t3video::t3
