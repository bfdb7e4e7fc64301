// Requests of small films by the models of tests/data/golden.
#pragma once

#include <filesystem>
#include <string>

#include "film/request.h"
#include "support/files.h"
#include "support/observer.h"

namespace t3video::testing {

inline const std::filesystem::path kGolden = T3VIDEO_TEST_DATA "/golden";

// 32x32, 5 frames, one guided step.
inline film::Request tiny_request(const std::filesystem::path& output, const std::string& model = "wan21-tiny") {
    film::Request r;
    r.prompt = "A red ball drifts left.";
    r.model = kGolden / model / "model";
    r.parts.tokenizer = kGolden / "tokenizer/spiece.model";
    r.settings = {.width = 32,
                  .height = 32,
                  .frames = 5,
                  .steps = 1,
                  .fps = 8,
                  .cfg = 1.5,
                  .solver = "euler",
                  .negative_prompt = "fog"};
    r.output = output;
    return r;
}

}  // namespace t3video::testing
