// t3video batch: a film for each prompt of a list, by one process, or shared between several.
#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/generate.h"
#include "apps/common/batch_list.h"
#include "apps/common/interrupt.h"
#include "apps/common/log.h"
#include "apps/common/tongue.h"
#include "core/error.h"
#include "core/numbers.h"
#include "core/output_file.h"
#include "core/paths.h"
#include "film/fields.h"

namespace t3video::apps {
namespace {

namespace fs = std::filesystem;

struct BatchOptions {
    fs::path list, output = "films";
    std::string extension = media::default_output().extension().string(), shard = "1/1";

    void run(const std::vector<std::string>& further) const;
};

struct Shard {
    size_t index = 1, of = 1;
    bool has(size_t film) const { return film % of == index - 1; }
};

Shard parse_shard(const std::string& text) {
    const auto shard = two_numbers<size_t>(text, "/");
    require_valid(shard && shard->first >= 1 && shard->first <= shard->second, "--shard ", text,
                  ": expected a part and their number, from 1/4 to 4/4 for four processes");
    return {shard->first, shard->second};
}

// The folder of the films; one that was made here and holds nothing at the end goes again.
class FilmFolder {
  public:
    explicit FilmFolder(const fs::path& path) : path_(path) {
        std::error_code error;
        made_ = fs::create_directory(path.has_filename() ? path : path.parent_path(), error);
        require_valid(is_folder(path), "--output ", path.string(), ": the folder cannot be made",
                      error ? ": " + error.message() : std::string());
    }
    ~FilmFolder() {
        std::error_code ignored;
        if (made_) fs::remove(path_.has_filename() ? path_ : path_.parent_path(), ignored);
    }
    FilmFolder(const FilmFolder&) = delete;
    FilmFolder& operator=(const FilmFolder&) = delete;

  private:
    fs::path path_;
    bool made_ = false;
};

void check_further(const std::vector<std::string>& words) {
    for (const std::string& word : words) {
        const bool prompt = word == "--prompt" || word == "-p" || word.starts_with("--prompt=");
        require_valid(!prompt, word,
                      ": the prompts of a batch are those of its list; t3video generate takes a single one");
    }
    std::vector<std::string> whole = words;
    whole.insert(whole.end(), {"--prompt", "any"});
    const FilmCommand film = parse_film(whole, Twice::refused);
    require_valid(film.request.job.empty(), "--job belongs to a single film; a batch gives each its own");
}

// What becomes of a film that is tried.
enum class Outcome { made, in_use, failed };

// Films of a list, one after the other in the same session.
class Series {
  public:
    Series(session::Session& session, size_t films) : session_(session), films_(films) {}

    Outcome make(const FilmCommand& film, const std::string& title) {
        try {
            make_film(session_, film, title);
        } catch (const InUse& error) {
            return Outcome::in_use;
        } catch (const Error& error) {
            failures_.push_back(concat(title, ": ", error.message().in(command_line())));
            log_warning(failures_.back());
            return Outcome::failed;
        }
        ++made_;
        if (interrupt_signal() != 0 && made_ + failures_.size() < films_)
            throw Stopped(Message("stopped after ", title, "; the same command goes on"));
        return Outcome::made;
    }
    const std::vector<std::string>& failures() const { return failures_; }

  private:
    session::Session& session_;
    size_t films_, made_ = 0;
    std::vector<std::string> failures_;
};

void BatchOptions::run(const std::vector<std::string>& further) const {
    const Shard part = parse_shard(shard);
    require_valid(extension.starts_with('.') || extension.starts_with('/'), "--extension ", extension,
                  ": expected one with its dot, such as .mkv, or / for folders");
    check_further(further);
    const auto [items, unread] = read_batch_list(list);
    const auto command_of = [&, &items = items](size_t i) {
        std::vector<std::string> words = further;
        words.insert(words.end(), {"--prompt", items[i].prompt, "--output", output / (film_name(i) + extension)});
        for (const auto& [name, value] : items[i].fields) {
            words.push_back("--" + name);
            if (film::find_field(name)->kind != film::RequestField::Kind::flag) words.push_back(value);
        }
        FilmCommand film = parse_film(words);
        film.request.further_inputs.push_back(list);
        return film;
    };
    std::vector<size_t> mine;
    for (size_t i = 0; i < items.size(); ++i) {
        if (part.has(i)) mine.push_back(i);
    }
    if (mine.empty()) return log_info(fmt::format("No film is in part {}: the list has {}", shard, items.size()));
    const FilmCommand first = command_of(mine.front());
    set_quiet(first.quiet);
    if (!unread.empty()) log_info(fmt::format("Not read in {}: \"{}\"", list.string(), fmt::join(unread, "\", \"")));
    session::Session session = first.session(session::Lifetime::many_films);
    session.open(first.request);  // before the folder is made
    const FilmFolder folder(output);
    Series series(session, mine.size());
    const auto title_of = [&](size_t k) {
        return fmt::format("Film {} of {} (entry {} of the list)", k + 1, mine.size(), mine[k]);
    };
    // Another process may share the list: its films are looked at again at the end.
    std::vector<size_t> later;
    for (size_t k = 0; k < mine.size(); ++k) {
        if (series.make(command_of(mine[k]), title_of(k)) == Outcome::in_use) later.push_back(k);
    }
    for (const size_t k : later) {
        if (series.make(command_of(mine[k]), title_of(k)) == Outcome::in_use)
            log_info(title_of(k) + " is being made by another process");
    }
    if (series.failures().empty()) return;
    log_warning("These films failed:");
    for (const std::string& failure : series.failures()) log_warning(failure);
    throw InvalidRequest(fmt::format("{} of {} films failed, as listed above; the same command tries them again",
                                     series.failures().size(), mine.size()));
}

}  // namespace

void add_batch(CLI::App& program, Action& chosen) {
    auto* c = program.add_subcommand("batch", "Make a film for each prompt of a list");
    const auto o = std::make_shared<BatchOptions>();
    c->add_option(
         "LIST", o->list,
         "Prompts: one in a line (those that begin with # are left out); or JSON, a list or one object or text "
         "in a line")
        ->type_name("")
        ->required();
    c->add_option("--output,-o", o->output, "Folder of the films: 00000.mp4 and so on, by place in the list")
        ->capture_default_str()
        ->type_name("DIR");
    c->add_option("--extension", o->extension,
                  "Kind of file: .mp4, .mkv, .mov, .y4m; / for folders of PNGs, /%05d.exr for folders of EXRs")
        ->capture_default_str()
        ->type_name("EXT");
    c->add_option("--shard", o->shard, "Make every N-th film of the list, from the I-th: for N processes")
        ->capture_default_str()
        ->type_name("I/N");
    c->allow_extras();
    c->footer(
        "An object's prompt is \"prompt_en\", \"prompt\", \"caption\" or \"text\". Other options of a film may stand "
        "beside "
        "it, as in\n"
        "{\"prompt\": \"A red ball.\", \"seed\": 3, \"frames\": 49}; members that mean nothing are named and not "
        "read.\n"
        "--seed -1 draws a seed for each film.\n\n"
        "Further options are those of t3video generate, for all films. The model is opened, checked and prepared "
        "once.\n"
        "After an interruption the same command goes on: films that are finished stay as they are, the one begun goes\n"
        "on from its job.\n\n"
        "Example:\n"
        "  t3video batch prompts.json --output films --shard 1/2 --model Wan2.1-T2V-1.3B --size 832x480 --device cuda");
    c->callback([c, o, &chosen] { chosen = [o, further = c->remaining()] { o->run(further); }; });
}

}  // namespace t3video::apps
