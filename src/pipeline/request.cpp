// Checks on a request, and the paths that follow from it.
#include "pipeline/request.h"

#include <algorithm>

#include "core/error.h"
#include "core/output_file.h"

namespace t3video::pipeline {

std::filesystem::path Request::job_folder() const {
    return job.empty() ? media::beside_output(output, ".job") : job;
}

std::filesystem::path Request::sheet_path() const {
    return media::beside_output(output, ".png");
}

void check_request(const Request& request) {
    const bool blank = std::ranges::all_of(request.prompt, [](unsigned char c) { return c <= ' '; });
    require_valid(!blank, "--prompt is empty: describe the film in a sentence");
    require_valid(request.crf >= 0 && request.crf <= 51, "--crf ", request.crf,
                  ": expected 0 (lossless) to 51 (worst)");
    require_valid(request.multiprocessors >= 1 && request.multiprocessors <= 1024, "--multiprocessors ",
                  request.multiprocessors, ": expected 1 to 1024");
    media::check_output(request.output);
    if (request.contact_sheet) check_writable(request.sheet_path());
}

}  // namespace t3video::pipeline
