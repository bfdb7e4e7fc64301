// All requests are looked at before the first film is made.
#include "apps/cli/evaluate_twins.h"

#include <fmt/format.h>

#include <optional>

#include "apps/cli/generate.h"
#include "apps/common/interrupt.h"
#include "apps/common/log.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/new_folder.h"
#include "core/paths.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;

struct Twin {
    const evaluation::FilmFile* film;
    fs::path path;
    FilmCommand command;
};

// Films without a twin, and why.
class Refusals {
  public:
    void add(const evaluation::FilmFile& film, const InvalidRequest& error) {
        refusals_.push_back({film.path.string(), error.message().in(command_line())});
    }
    [[noreturn]] void throw_all() const {
        const size_t others = refusals_.size() - 1;
        throw InvalidRequest(
            concat("--full-attention: ", refusals_.front().film, " cannot be made with it: ", refusals_.front().reason,
                   others == 0 ? ""
                               : fmt::format(" (nor can {}, so that there is nothing to compare with)",
                                             others == 1 ? "the other film" : fmt::format("the {} others", others))));
    }
    void tell() const {
        for (const auto& [film, reason] : refusals_)
            log_warning(concat(film, ": no film with full attention to compare with: ", reason));
    }

  private:
    struct Refusal {
        std::string film, reason;
    };
    std::vector<Refusal> refusals_;
};

}  // namespace

evaluation::FilmSet make_twins(const evaluation::FilmSet& set, const fs::path& folder,
                               const std::vector<std::string>& further, bool quiet) {
    Refusals refusals;
    std::vector<Twin> twins;
    for (const evaluation::FilmFile& film : set.films) {
        try {
            const bool pictures = is_folder(film.path);
            const fs::path path = folder / (pictures ? film.path.filename() / "" : film.path.filename());
            std::vector<std::string> words = further;
            words.insert(words.end(), {"--like", film.path, "--attention", "full", "--output", path});
            if (quiet) words.emplace_back("--quiet");
            twins.push_back({&film, pictures ? path.parent_path() : path, parse_film(words)});
        } catch (const InvalidRequest& error) {
            refusals.add(film, error);
        }
    }
    if (twins.empty()) refusals.throw_all();
    const NewFolder place(folder, Message(folder.string()));
    session::Session session = twins.front().command.session(session::Lifetime::many_films);
    evaluation::FilmSet made{kTwins, folder, {}};
    for (const Twin& twin : twins) {
        try {
            make_film(session, twin.command, fmt::format("Film {} with full attention", twin.film->name));
            made.films.push_back({twin.film->name, twin.path});
        } catch (const InvalidRequest& error) {
            refusals.add(*twin.film, error);
        }
        if (interrupt_signal() != 0) throw Stopped(Message("stopped; the same command goes on"));
    }
    if (made.films.empty()) refusals.throw_all();
    refusals.tell();
    return made;
}

}  // namespace t3video::apps
