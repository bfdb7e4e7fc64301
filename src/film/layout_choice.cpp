// Chooses the window layout of a run.
#include "film/layout_choice.h"

#include <algorithm>

#include "core/error.h"
#include "film/settings_file.h"

namespace t3video::film {
namespace {

// The video a grid belongs to: "448x256, 17 frames".
std::string video_of(const Grid& grid, int64_t cell) {
    return concat(grid.w * cell, 'x', grid.h * cell, ", ", (grid.t - 1) * 4 + 1, " frames");
}

}  // namespace

std::string_view name_of(Attention attention) {
    return attention == Attention::full ? "full" : attention == Attention::t3 ? "t3" : "auto";
}

Attention parse_attention(std::string_view name) {
    if (name == "auto") return Attention::automatic;
    if (name == "full") return Attention::full;
    if (name == "t3") return Attention::t3;
    throw InvalidRequest(Message(Field("attention", name), ": expected auto, full or t3"));
}

std::string counts_of(const t3::WindowLayout& layout) {
    constexpr size_t kMost = 8;
    std::string text;
    for (size_t i = 0; i < std::min(layout.patterns.size(), kMost); ++i)
        text += concat(i == 0 ? "" : ", ", layout.patterns[i]);
    return layout.patterns.size() > kMost ? text + ", ..." : text;
}

std::string windows_text(const t3::WindowLayout& layout) {
    if (layout.patterns == t3::full_attention(layout.grid).patterns) return "full attention";
    std::string text = "T3 windows ";
    for (size_t i = 0; i < layout.cycle(); ++i)
        text += concat(i == 0 ? "" : ", ", layout.of_layer(static_cast<int64_t>(i)));
    return concat(text, " on ", layout.grid, " tokens");
}

LayoutChoice planned_layout(const Grid& grid, int64_t cell, const t3::WindowLayout& reference,
                            const std::string& source, const t3::PlanOptions& options) {
    const t3::PlannedLayout planned = t3::plan_layout(grid, reference, options);
    const size_t whole = planned.whole.size(), all = planned.layout.patterns.size();
    if (whole == all) return {planned.layout, "full attention: windows of " + source + " are no cheaper on this grid"};
    if (planned.layout == reference) return {planned.layout, "T3 windows of " + source};
    std::string origin = "T3 windows planned from those of " + source;
    if (reference.grid != grid) origin += ", which are for " + video_of(reference.grid, cell);
    if (planned.transposed) origin += ", transposed";
    if (whole > 0)
        origin += concat("; ", whole, " of ", all, " patterns are full attention, as their windows are no cheaper");
    return {planned.layout, origin};
}

LayoutChoice choose_layout(const Grid& grid, int64_t cell, const ModelFiles& files, Attention attention,
                           const std::filesystem::path& layout_file) {
    if (attention == Attention::full) {
        require_valid(layout_file.empty(), Field("attention", "full"), " uses no windows: leave out ", Field("layout"),
                      " or choose ", Field("attention", "t3"));
        return {t3::full_attention(grid), "full attention"};
    }
    if (!layout_file.empty()) {
        refuse_file_of_other_kind(layout_file);
        const t3::WindowLayout layout = t3::read_layout(layout_file);
        require_valid(layout.grid == grid, Field("layout", layout_file.string()), " is for a grid of ", layout.grid,
                      " tokens (", video_of(layout.grid, cell), "), but this film has ", grid, " (",
                      video_of(grid, cell), "); windows of its extents would be ",
                      counts_of(t3::plan_layout(grid, layout).layout), " there, which t3video layout writes to a file");
        return {layout, "T3 windows of " + layout_file.string()};
    }
    if (!files.layout.empty()) {
        refuse_file_of_other_kind(files.layout);
        return planned_layout(grid, cell, t3::read_layout(files.layout), files.layout.string());
    }
    const auto published = t3::published_layout(cell);
    if (attention != Attention::t3 && !(published && published->grid == grid))
        return {t3::full_attention(grid),
                "full attention (no t3-layout.json says that these weights were retrofitted to windows)"};
    require_valid(published.has_value(), Field("attention", "t3"), ": no windows are known for tokens of ", cell, "x",
                  cell, " pixels; give them with ", Field("layout", "FILE"));
    return planned_layout(grid, cell, *published, "the published 4K table");
}

}  // namespace t3video::film
