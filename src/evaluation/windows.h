// The windows that films were made in, as far as one knows them.
#pragma once

#include <filesystem>

#include "evaluation/measure.h"
#include "film/model_files.h"

namespace t3video::evaluation {

// Those of a layout file where a film's grid is the file's, else planned from them as for a film of that size. A
// token's side is what makes the film's grid the file's, 16 or 32 pixels, else 16. Throws InvalidRequest for a file
// that is no layout; for a film that no windows can be planned for there are none.
WindowsOfFilm windows_of_file(const std::filesystem::path& layout);

// Those that a model makes films of that size in, by its t3-layout.json or the published table.
WindowsOfFilm windows_of_model(const film::ModelFiles& files, int64_t cell);

}  // namespace t3video::evaluation
