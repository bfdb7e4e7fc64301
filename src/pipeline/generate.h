// Text to video: prompt -> embeddings -> latent -> frames -> file.
#pragma once

#include <filesystem>

#include "core/progress.h"
#include "pipeline/request.h"

namespace t3video::pipeline {

struct Result {
    std::filesystem::path video, contact_sheet, job_folder;  // contact_sheet empty if none was asked for
    Settings settings;                                       // as used, defaults filled in
    FramePlan plan;
    double seconds = 0;
};

// Checks the request and opens every file before any long work, then runs the stages, leaving each in the job folder; a
// rerun of the same request goes on from there. Throws InvalidRequest for what the user can mend.
Result generate(Context& ctx, const Request& request, Progress& progress);

}  // namespace t3video::pipeline
