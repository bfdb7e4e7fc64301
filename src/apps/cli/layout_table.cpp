// The table that inspect and layout print.
#include "apps/cli/layout_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "core/error.h"
#include "t3/planner.h"

namespace t3video::apps {

std::string grouped(int64_t value) {
    std::string digits = std::to_string(value);
    for (auto at = static_cast<int64_t>(digits.size()) - 3; at > 0; at -= 3)
        digits.insert(static_cast<size_t>(at), ",");
    return digits;
}

std::string attention_flop(double pairs, int64_t width) {
    double value = 4 * double(width) * pairs / 1e3;
    const char* const units[] = {"kFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP"};
    size_t unit = 0;
    for (; value >= 1000 && unit + 1 < std::size(units); ++unit) value /= 1000;
    return fmt::format("{:.4g} {}", value, units[unit]);
}

std::string tokens_of_windows(const Grid& grid, const t3::Pattern& pattern) {
    const int64_t least = t3::window_range(grid, pattern).least, most = t3::largest_window(grid, pattern);
    return least == most ? grouped(most) : grouped(least) + " to " + grouped(most);
}

void print_layout(const t3::WindowLayout& layout, const LayoutUse& use) {
    const double tokens = double(layout.grid.tokens()), full = tokens * tokens;
    fmt::print("{:<13} {} (frames x rows x columns), {} tokens\n\n", "Grid", concat(layout.grid),
               grouped(layout.grid.tokens()));
    size_t widest = 12;
    for (const t3::Pattern& p : layout.patterns) widest = std::max(widest, concat(p).size());
    const auto line = [&](const auto& pattern, const auto& windows, const auto&... cells) {
        fmt::print("  {:>7}  {:<{}} ", pattern, windows, widest);
        fmt::print("{:>6}  {:<14}  {:<8}  {:>12}  {:>9}\n", cells...);
    };
    const auto times = [](double value) { return fmt::format("{:.1f}", value); };
    line("pattern", "windows", "count", "tokens each", "branches", "each layer", "full/this");
    for (size_t k = 0; k < layout.patterns.size(); ++k) {
        const t3::Pattern& p = layout.patterns[k];
        const double pairs = t3::scored_pairs(layout.grid, p);
        line(k, concat(p), t3::window_range(layout.grid, p).count, tokens_of_windows(layout.grid, p),
             t3::branches_coincide(layout.grid, p) ? "1 (same)" : "2", attention_flop(pairs, use.width),
             times(full / pairs));
    }
    const auto cycle = static_cast<int64_t>(layout.cycle());
    const t3::Saving saving = t3::saving(layout, cycle);
    line("mean", "", "", "", "", attention_flop(full / saving.computed, use.width), times(saving.computed));
    line("full", "1x1x1", 1, grouped(layout.grid.tokens()), "1", attention_flop(full, use.width), "1.0");
    fmt::print("\n{:<13} {:.1f} times fewer multiply-adds than full attention\n", "Saving", saving.computed);
    fmt::print("{:<13} {:.1f} times where branches that coincide count twice, as the paper counts\n", "",
               saving.as_paper);
    if (!layout.schedule.empty()) {
        std::string schedule;
        for (const int64_t pattern : layout.schedule) schedule += concat(schedule.empty() ? "" : " ", pattern);
        fmt::print("{:<13} layers take patterns {}, and so on\n", "Schedule", schedule);
    }
    if (use.layers <= 0) return;
    const double layers = double(use.layers), of_full = full * layers;
    fmt::print("{:<13} {} layers of width {}: self-attention {}, full attention {}\n", "Forward", use.layers, use.width,
               attention_flop(of_full / t3::saving(layout, use.layers).computed, use.width),
               attention_flop(of_full, use.width));
}

void print_reach(const std::vector<t3::Reach>& reach) {
    fmt::print("\nShare of all tokens that a token's value depends on\n");
    fmt::print("  {:>12}  {:>10} {:>10} {:>10}\n", "after layers", "the centre", "a corner", "the mean");
    for (size_t i = 0; i < reach.size(); ++i) {
        const auto percent = [](double share) { return fmt::format("{:.2f} %", 100 * share); };
        fmt::print("  {:>12}  {:>10} {:>10} {:>10}\n", i + 1, percent(reach[i].centre), percent(reach[i].corner),
                   percent(reach[i].mean));
    }
}

}  // namespace t3video::apps
