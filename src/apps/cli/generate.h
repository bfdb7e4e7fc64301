// A command line of `t3video generate`, for the commands that make films from one.
#pragma once

#include <string>
#include <vector>

#include "apps/common/options.h"
#include "film/request.h"

namespace t3video::apps {

struct FilmCommand {
    film::Request request;
    ComputeOptions compute;
    bool quiet = false;

    // To make it in, stoppable by Ctrl-C.
    session::Session session(session::Lifetime lifetime = session::Lifetime::one_film) const;
};

// What becomes of an option that is given twice.
enum class Twice { refused, last_counts };

// Words as they follow `t3video generate`. These options again, with absolute paths, are left in the film's job. Throws
// InvalidRequest for words that generate does not take.
FilmCommand parse_film(std::vector<std::string> words, Twice twice = Twice::last_counts);

// Makes the film and says where it is. `title`: what to call it in the log; may be empty.
void make_film(session::Session& session, const FilmCommand& film, const std::string& title = {});

}  // namespace t3video::apps
