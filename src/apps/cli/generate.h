// A command line of `t3video generate`, for the commands that make films from one.
#pragma once

#include <string>
#include <vector>

#include "apps/common/options.h"
#include "pipeline/generate.h"

namespace t3video::apps {

struct FilmCommand {
    pipeline::Request request;
    ComputeOptions compute;
    bool quiet = false;

    // To make it in, stoppable by Ctrl-C.
    Context context() const;
};

// What becomes of an option that is given twice.
enum class Twice { refused, last_counts };

// Words as they follow `t3video generate`. Request::command is these options again, with absolute paths. Throws
// InvalidRequest for words that generate does not take.
FilmCommand parse_film(std::vector<std::string> words, Twice twice = Twice::last_counts);

// Makes the film in its context and says where it is. `model`: null, or that of this request.
void make_film(Context& ctx, const FilmCommand& film, pipeline::OpenModel* model = nullptr);
// Says where a film is.
void report(const pipeline::Result& result);

}  // namespace t3video::apps
