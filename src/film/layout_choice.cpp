// Chooses the window layout of a run.
#include "film/layout_choice.h"

#include "core/error.h"

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

LayoutChoice choose_layout(const Grid& grid, int64_t cell, const ModelFiles& files, Attention attention,
                           const std::filesystem::path& layout_file) {
    if (attention == Attention::full) {
        require_valid(layout_file.empty(), Field("attention", "full"), " uses no windows: leave out ", Field("layout"),
                      " or choose ", Field("attention", "t3"));
        return {t3::full_attention(grid), "full attention"};
    }
    if (!layout_file.empty()) {
        const t3::WindowLayout layout = t3::read_layout(layout_file);
        require_valid(layout.grid == grid, Field("layout", layout_file.string()), " is for a grid of ", layout.grid,
                      " tokens (", video_of(layout.grid, cell), "), but this film has ", grid, " (",
                      video_of(grid, cell), ")");
        return {layout, "T3 windows of " + layout_file.string()};
    }
    if (!files.layout.empty()) {
        const t3::WindowLayout layout = t3::read_layout(files.layout);
        if (layout.grid == grid) return {layout, "T3 windows of " + files.layout.string()};
    }
    if (const auto published = t3::published_layout(cell); published && published->grid == grid) {
        return {*published, "T3 windows of the published 4K table"};
    }
    require_valid(attention != Attention::t3, Field("attention", "t3"), ": no window layout is known for a grid of ",
                  grid, " tokens (", video_of(grid, cell), "); give one with ", Field("layout", "FILE"));
    return {t3::full_attention(grid), "full attention (no window layout is known for this size)"};
}

}  // namespace t3video::film
