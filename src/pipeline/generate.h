// Text to video: prompt -> embeddings -> latent -> frames -> file.
#pragma once

#include <filesystem>
#include <optional>

#include "core/progress.h"
#include "pipeline/models.h"
#include "pipeline/request.h"
#include "text/tokenizer.h"

namespace t3video::pipeline {

struct Result {
    std::filesystem::path video, contact_sheet, job_folder;  // contact_sheet empty if none was asked for
    Settings settings;                                       // as used, defaults filled in
    FramePlan plan;
    double seconds = 0;
    bool kept = false;  // the film was there
};

// What films of the same model share.
struct OpenModel {
    ModelFiles files;
    Models models;
    std::optional<text::Tokenizer> tokenizer;  // opened by the first film
};

// Throws InvalidRequest as find_model and load_models do.
OpenModel open_model(const Request& request);

// Checks the request and opens every file before any long work, then runs the stages, leaving each in the job folder; a
// rerun of the same request goes on from there, and where the film is there does nothing. Throws InvalidRequest for
// what the user can mend, Interrupted where the user asked to stop (core/interrupt.h) after what was done is saved,
// WriteError for a full disk.
Result generate(Context& ctx, const Request& request, Progress& progress);
// The same with a model that is open: that of this request.
Result generate(Context& ctx, const Request& request, Progress& progress, OpenModel& model);

}  // namespace t3video::pipeline
