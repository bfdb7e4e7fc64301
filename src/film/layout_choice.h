// Which windows a generation uses, and why.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "film/model_files.h"
#include "t3/window_layout.h"

namespace t3video::film {

enum class Attention { automatic, full, t3 };

std::string_view name_of(Attention attention);  // "auto", "full" or "t3"
// Throws InvalidRequest listing them.
Attention parse_attention(std::string_view name);

struct LayoutChoice {
    t3::WindowLayout layout;
    std::string origin;  // for the user: "T3 windows of <file>", "full attention"
};

// In this order: full attention when asked for; `layout_file`, whose grid must match; the model's t3-layout.json where
// its grid matches; the published table at the published grids; else full attention, or InvalidRequest when T3 was
// asked for.
LayoutChoice choose_layout(const Grid& grid, int64_t cell, const ModelFiles& files, Attention attention,
                           const std::filesystem::path& layout_file);

}  // namespace t3video::film
