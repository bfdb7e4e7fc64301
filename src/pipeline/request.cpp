// Checks on a request, and the paths that follow from it.
#include "pipeline/request.h"

#include <algorithm>

#include "core/error.h"
#include "pipeline/job.h"

namespace t3video::pipeline {

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

void drop_options(std::vector<std::string>& command, std::initializer_list<std::string_view> options) {
    for (size_t i = 0; i + 1 < command.size();) {
        if (std::ranges::find(options, command[i]) != options.end()) {
            command.erase(command.begin() + static_cast<int64_t>(i), command.begin() + static_cast<int64_t>(i) + 2);
        } else {
            ++i;
        }
    }
}

void check_request(const Request& request) {
    const bool blank = std::ranges::all_of(request.prompt, [](unsigned char c) { return c <= ' '; });
    require_valid(!blank, "--prompt is empty: describe the film in a sentence");
    require_valid(request.multiprocessors >= 1 && request.multiprocessors <= 1024, "--multiprocessors ",
                  request.multiprocessors, ": expected 1 to 1024");
    require_valid(request.preview_every >= 0, "--preview ", request.preview_every, ": expected a number of steps");
    const std::filesystem::path output = request.output.empty() ? media::default_output() : request.output;
    require_valid(!is_job_folder(output), output.string(),
                  ": is a job folder; give the film another name, such as frames/ or film.mp4");
    media::check_output(output, request.video_options());
}

}  // namespace t3video::pipeline
