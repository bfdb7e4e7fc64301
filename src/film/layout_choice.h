// Which windows a generation uses, and why.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "film/model_files.h"
#include "t3/planner.h"

namespace t3video::film {

enum class Attention { automatic, full, t3 };

std::string_view name_of(Attention attention);  // "auto", "full" or "t3"
// Throws InvalidRequest listing them.
Attention parse_attention(std::string_view name);

struct LayoutChoice {
    t3::WindowLayout layout;
    std::string origin;  // for the user: "T3 windows of <file>", "full attention"
};

// In this order: full attention when asked for; `layout_file`, whose grid must match; the model's t3-layout.json, or
// on another grid windows planned from its extents (t3::plan_layout); the published table at the published grids; where
// T3 was asked for, windows planned from that table's extents; else full attention, since weights that nobody says were
// retrofitted have learned nothing else. Throws InvalidRequest for a file that does not fit, naming the windows of its
// extents that would, and where T3 was asked for and no table is known.
LayoutChoice choose_layout(const Grid& grid, int64_t cell, const ModelFiles& files, Attention attention,
                           const std::filesystem::path& layout_file);

// Windows planned from those of `source`, and what to say of them.
LayoutChoice planned_layout(const Grid& grid, int64_t cell, const t3::WindowLayout& reference,
                            const std::string& source, const t3::PlanOptions& options = {});

// All that tells windows from others, for people: "full attention", "T3 windows 5x1x1, 1x4x7 on 5x16x28 tokens".
std::string windows_text(const t3::WindowLayout& layout);

// The counts of the first patterns: "21x1x1, 1x17x30".
std::string counts_of(const t3::WindowLayout& layout);

}  // namespace t3video::film
