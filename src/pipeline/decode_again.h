// A finished job's film, written once more.
#pragma once

#include "core/progress.h"
#include "pipeline/generate.h"

namespace t3video::pipeline {

// Decodes the latents of the job that `request` names, with its output, format, rate and size where it has them, else
// the job's own. Of the model only the VAE is opened. Throws InvalidRequest for a job that has no final latents, for a
// VAE that does not fit them, and where the request is another film's.
Result decode_again(Context& ctx, const Request& request, Progress& progress);

}  // namespace t3video::pipeline
