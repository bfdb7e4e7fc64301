// How a film was made, as the text that its file carries.
//
//   {"t3video": "0.1.0", "device": "cpu", "dtype": "f32",
//    "options": {"prompt": "...", "size": "448x256", "seed": 0, ...},      named as on the command line
//    "format": {"kind": "video", "codec": "h264", "bits": 8, "crf": 18}}
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/film.h"
#include "pipeline/request.h"

namespace t3video::pipeline {

// ASCII JSON on one line, with every default filled in: a later program with other defaults makes the same film of it.
// Nothing in it depends on time, on where the film goes, or on threads.
std::string film_record(const Context& ctx, const Request& request, const Film& film);

struct FilmRecord {
    // An option of the command line without its dashes, and its values.
    using Option = std::pair<std::string, std::vector<std::string>>;

    std::string version, device, dtype;  // of the program that made the film
    std::vector<Option> options;         // all but those of the format
    std::string kind;                    // "video", "y4m", "png" or "exr"
    std::vector<Option> format;          // codec, bits, crf, as far as the kind has them
};

// Whether films record the option, so that it may be taken from one: not where files go, nor how it is computed.
bool is_recorded(const std::string& option);

std::string_view name_of(media::OutputKind kind);

// Nothing for a text that is no record.
std::optional<FilmRecord> parse_film_record(const std::string& text);

}  // namespace t3video::pipeline
