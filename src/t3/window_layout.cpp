// Window geometry. An axis is cut on its own; a window of the grid is one part of each axis.
#include "t3/window_layout.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <ostream>

#include "core/error.h"

namespace t3video::t3 {
namespace {

// parts[i] lists the positions of part i, ascending.
using AxisParts = std::vector<std::vector<int64_t>>;

AxisParts contiguous(int64_t extent, int64_t count, int64_t shift) {
    AxisParts parts;
    for (int64_t part = shift > 0 ? -1 : 0; part < count; ++part) {
        const auto [first, last] = close_part(extent, count, shift, part);
        parts.emplace_back();
        for (int64_t x = first; x < last; ++x) parts.back().push_back(x);
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

bool axis_coincides(int64_t extent, int64_t count, int64_t shift) {
    return shift == 0 && (count == 1 || count == extent);
}

// Sum over the parts of an axis of their squared lengths; the same for both ways of cutting.
double squared_lengths(int64_t extent, int64_t count) {
    const double length = double(extent / count);
    const auto longer = double(extent % count);
    return longer * (length + 1) * (length + 1) + (double(count) - longer) * length * length;
}
// Of close parts that are moved: the last one lost what the one in front has.
double squared_lengths(int64_t extent, int64_t count, int64_t shift) {
    const double last = double(extent - (count - 1) * extent / count), moved = double(shift);
    return squared_lengths(extent, count) - last * last + (last - moved) * (last - moved) + moved * moved;
}

}  // namespace

std::string_view name_of(Branches branches) {
    return branches == Branches::both ? "both" : branches == Branches::close ? "close" : "remote";
}

std::optional<Branches> parse_branches(std::string_view name) {
    for (const Branches each : {Branches::both, Branches::close, Branches::remote}) {
        if (name == name_of(each)) return each;
    }
    return std::nullopt;
}

std::ostream& operator<<(std::ostream& out, const Pattern& p) {
    out << p.t << 'x' << p.h << 'x' << p.w;
    if (p.shift != Shift{}) out << " shifted " << p.shift.t << ',' << p.shift.h << ',' << p.shift.w;
    return p.branches == Branches::both ? out : out << ' ' << name_of(p.branches);
}

WindowLayout full_attention(const Grid& grid) {
    return {grid, {{1, 1, 1}}};
}

std::optional<WindowLayout> published_layout(int64_t cell) {
    if (cell == 16) return WindowLayout{{21, 136, 240}, {{21, 1, 1}, {1, 17, 30}, {1, 8, 40}, {3, 17, 8}, {7, 8, 6}}};
    if (cell == 32) return WindowLayout{{21, 68, 120}, {{21, 1, 1}, {1, 17, 20}, {1, 17, 6}, {3, 4, 15}, {7, 4, 8}}};
    return std::nullopt;
}

Pattern nearest_valid(const Grid& grid, const Pattern& p) {
    const auto count = [](int64_t n, int64_t extent) { return std::clamp<int64_t>(n, 1, extent); };
    Pattern valid{count(p.t, grid.t), count(p.h, grid.h), count(p.w, grid.w)};
    const auto shift = [](int64_t by, int64_t extent, int64_t n) { return std::clamp<int64_t>(by, 0, extent / n - 1); };
    valid.shift = {shift(p.shift.t, grid.t, valid.t), shift(p.shift.h, grid.h, valid.h),
                   shift(p.shift.w, grid.w, valid.w)};
    valid.branches = p.branches;
    return valid;
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
        const Pattern &p = layout.patterns[i], nearest = nearest_valid(g, p);
        require_valid(p.t == nearest.t && p.h == nearest.h && p.w == nearest.w, origin, ": pattern ", i, " asks for ",
                      Pattern{p.t, p.h, p.w}, " windows over a grid of ", g,
                      " tokens; each count must lie between 1 and the grid's extent; the nearest such are ",
                      Pattern{nearest.t, nearest.h, nearest.w});
        require_valid(p == nearest, origin, ": pattern ", i, " asks for ", p, " over a grid of ", g,
                      " tokens; each shift must be at least 0 and smaller than every window; the nearest such is ",
                      nearest);
    }
    require_valid(layout.schedule.size() <= kMostPatterns, origin, ": a schedule of ", layout.schedule.size(),
                  " layers, more than ", kMostPatterns);
    for (const int64_t pattern : layout.schedule) {
        require_valid(pattern >= 0 && pattern < static_cast<int64_t>(layout.patterns.size()), origin,
                      ": a schedule with pattern ", pattern, "; there are patterns 0 to ", layout.patterns.size() - 1);
    }
}

std::pair<int64_t, int64_t> close_part(int64_t extent, int64_t count, int64_t shift, int64_t part) {
    if (part < 0) return {0, shift};
    return {part * extent / count + shift, std::min((part + 1) * extent / count + shift, extent)};
}

ops::TokenWindows close_windows(const Grid& grid, const Pattern& n) {
    return product(grid, contiguous(grid.t, n.t, n.shift.t), contiguous(grid.h, n.h, n.shift.h),
                   contiguous(grid.w, n.w, n.shift.w));
}

ops::TokenWindows remote_windows(const Grid& grid, const Pattern& n) {
    return product(grid, strided(grid.t, n.t), strided(grid.h, n.h), strided(grid.w, n.w));
}

WindowRange window_range(const Grid& grid, const Pattern& p) {
    WindowRange all{1, 1, 1};
    const auto axis = [&](int64_t extent, int64_t count, int64_t shift) {
        const int64_t least = extent / count, longest = (extent + count - 1) / count;
        all.count *= shift > 0 ? count + 1 : count;
        // The last window is one of the longest, which lost what the one in front has.
        all.least *= shift > 0 ? std::min({least, shift, longest - shift}) : least;
        all.most *= shift == 0   ? longest
                    : count == 1 ? std::max(shift, extent - shift)
                                 : std::max(extent % count == 1 ? least : longest, longest - shift);
    };
    axis(grid.t, p.t, p.shift.t);
    axis(grid.h, p.h, p.shift.h);
    axis(grid.w, p.w, p.shift.w);
    return all;
}

int64_t largest_window(const Grid& grid, const Pattern& p) {
    return window_range(grid, {p.t, p.h, p.w}).most;
}

bool branches_coincide(const Grid& grid, const Pattern& p) {
    return axis_coincides(grid.t, p.t, p.shift.t) && axis_coincides(grid.h, p.h, p.shift.h) &&
           axis_coincides(grid.w, p.w, p.shift.w);
}

namespace {

// Windows that coincide are taken as close ones, whichever branch is asked for.
bool takes_close(const Grid& grid, const Pattern& p) {
    return p.branches != Branches::remote || branches_coincide(grid, p);
}
bool takes_remote(const Grid& grid, const Pattern& p) {
    return p.branches != Branches::close && !branches_coincide(grid, p);
}

}  // namespace

LayerWindows layer_windows(const Grid& grid, const Pattern& counts) {
    LayerWindows branches;
    if (takes_close(grid, counts)) branches.push_back(close_windows(grid, counts));
    if (takes_remote(grid, counts)) branches.push_back(remote_windows(grid, counts));
    return branches;
}

namespace {

// Pairs of tokens that share a window of one partition.
double close_pairs(const Grid& grid, const Pattern& p) {
    return squared_lengths(grid.t, p.t, p.shift.t) * squared_lengths(grid.h, p.h, p.shift.h) *
           squared_lengths(grid.w, p.w, p.shift.w);
}
double remote_pairs(const Grid& grid, const Pattern& p) {
    return squared_lengths(grid.t, p.t) * squared_lengths(grid.h, p.h) * squared_lengths(grid.w, p.w);
}

// Whether the tokens of the first branch's windows, one window after another, are in the order of the grid: close
// ones, where an axis is cut only if windows hold one position of each slower axis.
bool keeps_order(const Grid& grid, const Pattern& p) {
    if (!takes_close(grid, p)) {  // strided windows are in order only where they are contiguous ones too
        const Pattern unmoved{p.t, p.h, p.w};
        return branches_coincide(grid, unmoved) && keeps_order(grid, unmoved);
    }
    const bool cuts_h = p.h > 1 || p.shift.h > 0, cuts_w = p.w > 1 || p.shift.w > 0;
    return (!cuts_h || p.t == grid.t) && (!cuts_w || (p.t == grid.t && p.h == grid.h));
}

// layer_windows without lists.
LayerWindows counted_windows(const Grid& grid, const Pattern& p) {
    const auto sizes = [&](const Pattern& of, double pairs) {
        const WindowRange range = window_range(grid, of);
        return ops::WindowSizes{grid.tokens(), range.most, range.least, pairs};
    };
    LayerWindows branches;
    if (takes_close(grid, p)) branches.push_back({.counted = sizes(p, close_pairs(grid, p))});
    if (takes_remote(grid, p)) branches.push_back({.counted = sizes({p.t, p.h, p.w}, remote_pairs(grid, p))});
    branches[0].in_order = keeps_order(grid, p);
    return branches;
}

// Windows of the same size behind one another, the largest first: each size is then computed by few kernels.
void sort_by_size(ops::TokenWindows& windows) {
    const size_t count = windows.starts.size() - 1;
    const auto size = [&](size_t i) { return windows.starts[i + 1] - windows.starts[i]; };
    std::vector<size_t> sorted(count);
    std::iota(sorted.begin(), sorted.end(), size_t{0});
    std::ranges::stable_sort(sorted, std::greater<>(), size);
    std::vector<int64_t> order, starts{0};
    order.reserve(windows.order.size());
    for (const size_t i : sorted) {
        order.insert(order.end(), windows.order.begin() + windows.starts[i],
                     windows.order.begin() + windows.starts[i + 1]);
        starts.push_back(static_cast<int64_t>(order.size()));
    }
    windows.order = std::move(order);
    windows.starts = std::move(starts);
}

// Those of each of several samples of so many tokens.
ops::TokenWindows repeated(const ops::TokenWindows& one, int64_t tokens, int64_t samples) {
    ops::TokenWindows all = one;
    all.counted.tokens *= samples;
    all.counted.pairs *= static_cast<double>(samples);
    for (int64_t sample = 1; sample < samples && !one.starts.empty(); ++sample) {
        for (const int64_t token : one.order) all.order.push_back(sample * tokens + token);
        for (auto start = one.starts.begin() + 1; start != one.starts.end(); ++start)
            all.starts.push_back(sample * tokens + *start);
    }
    return all;
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

LayoutWindows::LayoutWindows(Context& ctx, const WindowLayout& layout, RowOrder row_order, int64_t samples)
    : layout_(layout), samples_(samples) {
    check_layout(layout, "layout");
    const int64_t tokens = layout.grid.tokens();
    require_valid(samples >= 1 && samples <= kMostTokens / tokens, "layout: ", samples, " samples of ", tokens,
                  " tokens; expected one or more, of no more than ", kMostTokens, " in all");
    const bool counts = ctx.device() == Device::meta;
    for (const Pattern& pattern : layout.patterns) {
        LayerWindows windows = counts ? counted_windows(layout.grid, pattern) : layer_windows(layout.grid, pattern);
        const bool in_order = keeps_order(layout.grid, pattern);
        // The first branch sample by sample, as rows lie; those of another are found wherever they are.
        if (!counts && !in_order) sort_by_size(windows[0]);
        for (ops::TokenWindows& branch : windows) branch = repeated(branch, tokens, samples);
        if (!counts && windows.size() > 1) sort_by_size(windows[1]);
        Tensor order;
        if (row_order == RowOrder::windows && !in_order) order = lead_with_first(ctx, windows);
        for (ops::TokenWindows& branch : windows) ops::upload_windows(ctx, branch);
        patterns_.push_back(std::move(windows));
        orders_.push_back(order);
    }
}

size_t list_bytes(const WindowLayout& layout) {
    const Grid& g = layout.grid;
    int64_t entries = 0;
    for (const Pattern& p : layout.patterns) {
        if (takes_close(g, p)) entries += g.tokens() + window_range(g, p).count + 1;
        if (takes_remote(g, p)) entries += g.tokens() + p.t * p.h * p.w + 1;
    }
    return static_cast<size_t>(entries) * sizeof(int64_t);
}

double scored_pairs(const Grid& grid, const Pattern& p) {
    return (takes_close(grid, p) ? close_pairs(grid, p) : 0) + (takes_remote(grid, p) ? remote_pairs(grid, p) : 0);
}

}  // namespace t3video::t3
