// Choosing windows for a grid.
#include "training/run/layouts.h"

namespace t3video::training {

film::LayoutChoice layout_for(const RunOptions& o, const film::ModelFiles& files, const Grid& grid, int64_t cell) {
    film::LayoutChoice choice = o.layout.empty()
                                    ? film::choose_layout(grid, cell, files, o.attention, {})
                                    : film::planned_layout(grid, cell, t3::read_layout(o.layout), o.layout.string());
    if (o.branches == t3::Branches::both) return choice;
    for (t3::Pattern& pattern : choice.layout.patterns) pattern.branches = o.branches;
    choice.origin += concat(", ", t3::name_of(o.branches), " ones alone");
    return choice;
}

}  // namespace t3video::training
