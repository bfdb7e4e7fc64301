// Window geometry. An axis is cut on its own; a window of the grid is one part of each axis.
#include "t3/window_layout.h"

#include <ostream>

#include "core/error.h"

namespace t3video::t3 {
namespace {

// parts[i] lists the positions of part i, ascending.
using AxisParts = std::vector<std::vector<int64_t>>;

AxisParts contiguous(int64_t extent, int64_t count) {
    AxisParts parts(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; ++i) {
        for (int64_t x = i * extent / count; x < (i + 1) * extent / count; ++x)
            parts[static_cast<size_t>(i)].push_back(x);
    }
    return parts;
}

AxisParts strided(int64_t extent, int64_t count) {
    AxisParts parts(static_cast<size_t>(count));
    for (int64_t x = 0; x < extent; ++x) parts[static_cast<size_t>(x % count)].push_back(x);
    return parts;
}

ops::TokenWindows product(const Grid& grid, const AxisParts& ts, const AxisParts& hs, const AxisParts& ws) {
    ops::TokenWindows windows;
    windows.order.reserve(static_cast<size_t>(grid.tokens()));
    windows.starts.push_back(0);
    for (const auto& t_part : ts) {
        for (const auto& h_part : hs) {
            for (const auto& w_part : ws) {
                for (const int64_t t : t_part) {
                    for (const int64_t h : h_part) {
                        for (const int64_t w : w_part) windows.order.push_back((t * grid.h + h) * grid.w + w);
                    }
                }
                windows.starts.push_back(static_cast<int64_t>(windows.order.size()));
            }
        }
    }
    return windows;
}

bool axis_coincides(int64_t extent, int64_t count) {
    return count == 1 || count == extent;
}

// Sum over the parts of an axis of their squared lengths; the same for both ways of cutting.
double squared_lengths(int64_t extent, int64_t count) {
    const double length = double(extent / count);
    const auto longer = double(extent % count);
    return longer * (length + 1) * (length + 1) + (double(count) - longer) * length * length;
}

}  // namespace

std::ostream& operator<<(std::ostream& out, const WindowCounts& counts) {
    return out << counts.t << 'x' << counts.h << 'x' << counts.w;
}

WindowLayout full_attention(const Grid& grid) {
    return {grid, {{1, 1, 1}}};
}

std::optional<WindowLayout> published_layout(int64_t cell) {
    if (cell == 16) return WindowLayout{{21, 136, 240}, {{21, 1, 1}, {1, 17, 30}, {1, 8, 40}, {3, 17, 8}, {7, 8, 6}}};
    if (cell == 32) return WindowLayout{{21, 68, 120}, {{21, 1, 1}, {1, 17, 20}, {1, 17, 6}, {3, 4, 15}, {7, 4, 8}}};
    return std::nullopt;
}

void check_layout(const WindowLayout& layout, const std::string& origin) {
    const Grid& g = layout.grid;
    const auto some = [](int64_t extent) { return extent >= 1 && extent <= kMostTokens; };
    require_valid(some(g.t) && some(g.h) && some(g.w) && g.t * g.h <= kMostTokens / g.w, origin, ": grid ", g,
                  "; each axis must be 1 or more, and all tokens together no more than ", kMostTokens);
    constexpr size_t kMostPatterns = 1024;  // far more than any transformer has layers
    require_valid(!layout.patterns.empty(), origin, ": no window counts");
    require_valid(layout.patterns.size() <= kMostPatterns, origin, ": ", layout.patterns.size(),
                  " window counts, more than ", kMostPatterns);
    for (size_t i = 0; i < layout.patterns.size(); ++i) {
        const WindowCounts& n = layout.patterns[i];
        require_valid(1 <= n.t && n.t <= g.t && 1 <= n.h && n.h <= g.h && 1 <= n.w && n.w <= g.w, origin, ": pattern ",
                      i, " asks for ", n, " windows over a grid of ", g,
                      " tokens; each count must lie between 1 and the grid's extent");
    }
}

ops::TokenWindows close_windows(const Grid& grid, const WindowCounts& n) {
    return product(grid, contiguous(grid.t, n.t), contiguous(grid.h, n.h), contiguous(grid.w, n.w));
}

ops::TokenWindows remote_windows(const Grid& grid, const WindowCounts& n) {
    return product(grid, strided(grid.t, n.t), strided(grid.h, n.h), strided(grid.w, n.w));
}

WindowRange window_range(const Grid& grid, const WindowCounts& n) {
    const auto up = [](int64_t extent, int64_t count) { return (extent + count - 1) / count; };
    return {n.t * n.h * n.w, (grid.t / n.t) * (grid.h / n.h) * (grid.w / n.w),
            up(grid.t, n.t) * up(grid.h, n.h) * up(grid.w, n.w)};
}

bool branches_coincide(const Grid& grid, const WindowCounts& n) {
    return axis_coincides(grid.t, n.t) && axis_coincides(grid.h, n.h) && axis_coincides(grid.w, n.w);
}

LayerWindows layer_windows(const Grid& grid, const WindowCounts& counts) {
    LayerWindows branches{close_windows(grid, counts)};
    if (!branches_coincide(grid, counts)) branches.push_back(remote_windows(grid, counts));
    return branches;
}

namespace {

// Pairs of tokens that share a window of one partition.
double pairs_of(const Grid& grid, const WindowCounts& n) {
    return squared_lengths(grid.t, n.t) * squared_lengths(grid.h, n.h) * squared_lengths(grid.w, n.w);
}

// Whether the tokens of close windows, one window after another, are in the order of the grid: an axis is cut only
// where windows hold one position of each slower axis.
bool keeps_order(const Grid& grid, const WindowCounts& n) {
    return (n.h == 1 || n.t == grid.t) && (n.w == 1 || (n.t == grid.t && n.h == grid.h));
}

// layer_windows without lists.
LayerWindows counted_windows(const Grid& grid, const WindowCounts& counts) {
    const ops::WindowSizes sizes{grid.tokens(), window_range(grid, counts).most, pairs_of(grid, counts)};
    LayerWindows branches{{.counted = sizes, .in_order = keeps_order(grid, counts)}};
    if (!branches_coincide(grid, counts)) branches.push_back({.counted = sizes});
    return branches;
}

// Renames rows so that the first branch's windows lie one after another; returns the token of each row.
Tensor lead_with_first(Context& ctx, LayerWindows& windows) {
    if (windows[0].starts.empty()) {
        windows[0].in_order = true;
        return empty(ctx, {windows[0].counted.tokens}, DType::i64);
    }
    const std::vector<int64_t> tokens = windows[0].order;
    std::vector<int64_t> row_of(tokens.size());
    for (size_t row = 0; row < tokens.size(); ++row)
        row_of[static_cast<size_t>(tokens[row])] = static_cast<int64_t>(row);
    for (ops::TokenWindows& branch : windows) {
        for (int64_t& token : branch.order) token = row_of[static_cast<size_t>(token)];
    }
    return from_span(ctx, tokens);
}

}  // namespace

RowOrder suitable_order(const Context& ctx) {
    return ctx.target() == Device::cpu ? RowOrder::tokens : RowOrder::windows;
}

LayoutWindows::LayoutWindows(Context& ctx, const WindowLayout& layout, RowOrder row_order) : grid_(layout.grid) {
    check_layout(layout, "layout");
    const auto& windows_of = ctx.device() == Device::meta ? counted_windows : layer_windows;
    for (const WindowCounts& counts : layout.patterns) {
        LayerWindows windows = windows_of(grid_, counts);
        Tensor order;
        if (row_order == RowOrder::windows && !keeps_order(grid_, counts)) order = lead_with_first(ctx, windows);
        for (ops::TokenWindows& branch : windows) ops::upload_windows(ctx, branch);
        patterns_.push_back(std::move(windows));
        orders_.push_back(order);
    }
}

size_t list_bytes(const WindowLayout& layout) {
    int64_t entries = 0;
    for (const WindowCounts& counts : layout.patterns) {
        const int64_t branches = branches_coincide(layout.grid, counts) ? 1 : 2;
        entries += branches * (layout.grid.tokens() + window_range(layout.grid, counts).count + 1);
    }
    return static_cast<size_t>(entries) * sizeof(int64_t);
}

double scored_pairs(const Grid& grid, const WindowCounts& n) {
    return branches_coincide(grid, n) ? pairs_of(grid, n) : 2 * pairs_of(grid, n);
}

}  // namespace t3video::t3
