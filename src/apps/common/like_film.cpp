// Options from a record go the way of those from the command line: the same parsing, the same checks.
#include "apps/common/like_film.h"

#include "core/error.h"
#include "film/fields.h"
#include "job/film_record.h"
#include "media/film_comment.h"

namespace t3video::apps {

void take_options_of(const std::filesystem::path& film, CLI::App& command, const std::filesystem::path& output) {
    const auto record = job::parse_film_record(media::read_film_info(film).comment);
    require_valid(record.has_value(), "--like ", film.string(),
                  ": this file does not say how it was made; expected a film that t3video wrote, other than .y4m");
    const auto take = [&](const job::FilmRecord::Option& entry) {
        const auto& [name, values] = entry;
        const film::RequestField* const field = film::find_field(name);
        const bool known = field && field->use != film::RequestField::Use::place;
        CLI::Option* option = known ? command.get_option_no_throw("--" + name) : nullptr;
        require_valid(option != nullptr, "--like ", film.string(), ": made with --", name, " by t3video ",
                      record->version, ", which this one does not take from a film");
        if (option->count() > 0) return;
        for (const std::string& value : values) option->add_result(value);
        option->run_callback();
    };
    const bool same_kind = record->kind == job::name_of(media::output_kind(output));
    const bool other_codec = command.count("--codec") > 0;
    // Full attention has no windows, and windows are not full attention: the film's choice gives way to the line's.
    const auto* const attention = command.get_option_no_throw("--attention");
    const bool full = attention && attention->count() > 0 && attention->results().back() == "full";
    const bool windows = command.get_option_no_throw("--layout") && command.count("--layout") > 0;
    for (const auto& entry : record->options) {
        if (!(full && entry.first == "layout") && !(windows && entry.first == "attention")) take(entry);
    }
    for (const auto& entry : record->format) {
        if (same_kind && !other_codec) take(entry);
    }
}

}  // namespace t3video::apps
