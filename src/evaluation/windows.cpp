#include "evaluation/windows.h"

#include <algorithm>

#include "core/error.h"
#include "film/frame_size.h"
#include "film/layout_choice.h"

namespace t3video::evaluation {
namespace {

// Frames come in fours, after the first one; a film that lost some has the grid of the whole one.
int64_t whole_frames(int64_t frames) {
    return (std::max<int64_t>(frames, 1) + 2) / 4 * 4 + 1;
}

Grid grid_of(const FilmShape& shape, int64_t cell) {
    return film::frame_size(shape.width, shape.height, whole_frames(shape.frames), cell).grid;
}

// No windows where a film has no grid that they can be planned for.
template <class Choose>
WindowsOfFilm where_possible(Choose choose) {
    return [choose = std::move(choose)](const FilmShape& shape) -> std::optional<FilmWindows> {
        try {
            return choose(shape);
        } catch (const InvalidRequest&) {
            return std::nullopt;
        }
    };
}

}  // namespace

WindowsOfFilm windows_of_file(const std::filesystem::path& layout) {
    const t3::WindowLayout reference = t3::read_layout(layout);
    return where_possible([reference, name = layout.string()](const FilmShape& shape) {
        constexpr int64_t kCell = 16, kLargeCell = 32;
        for (const int64_t cell : {kCell, kLargeCell}) {
            if (grid_of(shape, cell) == reference.grid) return FilmWindows{reference, cell};
        }
        return FilmWindows{film::planned_layout(grid_of(shape, kCell), kCell, reference, name).layout, kCell};
    });
}

WindowsOfFilm windows_of_model(const film::ModelFiles& files, int64_t cell) {
    return where_possible([files, cell](const FilmShape& shape) {
        return FilmWindows{film::choose_layout(grid_of(shape, cell), cell, files, film::Attention::t3, {}).layout,
                           cell};
    });
}

}  // namespace t3video::evaluation
