// Options that decide what a film takes: model, size, sampling, attention, device. generate and plan share them.
#pragma once

#include "apps/common/options.h"
#include "pipeline/request.h"

namespace t3video::apps {

struct FilmOptions {
    ModelOptions model;
    ComputeOptions compute;
    pipeline::Request request;
    std::string size, attention = "auto", fit = "crop";

    void add_to(CLI::App& command);
    // Completes `request` by what is written above. Throws InvalidRequest for malformed values.
    void finish();
};

}  // namespace t3video::apps
