// Checks on a request, and the paths that follow from it.
#include "film/request.h"

#include <algorithm>

#include "core/error.h"

namespace t3video::film {

std::filesystem::path Request::job_folder() const {
    return job.empty() ? media::beside_output(output, ".job") : job;
}

std::filesystem::path Request::preview_path() const {
    return media::beside_output(output, ".preview.png");
}

std::filesystem::path Request::sheet_path() const {
    return media::beside_output(output, ".png");
}

media::VideoOptions Request::video_options() const {
    return {.crf = crf, .codec = codec, .bits = bits};
}

void check_request(const Request& request) {
    const bool blank = std::ranges::all_of(request.prompt, [](unsigned char c) { return c <= ' '; });
    require_valid(!blank, Field("prompt"), " is empty: describe the film in a sentence");
    require_valid(request.multiprocessors >= 1 && request.multiprocessors <= 1024,
                  Field("multiprocessors", request.multiprocessors), ": expected 1 to 1024");
    require_valid(request.preview_every >= 0, Field("preview", request.preview_every), ": expected a number of steps");
    media::check_output(request.output.empty() ? media::default_output() : request.output, request.video_options());
}

}  // namespace t3video::film
