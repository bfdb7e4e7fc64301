// How a film was made, as the text that its file carries.
//
//   {"t3video": "0.1.0", "device": "cpu", "dtype": "f32", "film": "16 digits that tell it from other films",
//    "options": {"prompt": "...", "size": "448x256", "seed": 0, ...},      named as on the command line
//    "format": {"kind": "video", "codec": "h264", "bits": 8, "crf": 18}}
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "pipeline/film.h"
#include "pipeline/request.h"

namespace t3video::pipeline {

// The options that make the film, with every default filled in: a later program with other defaults makes the same film
// of them.
nlohmann::json film_options(const Request& request, const Film& film);

// Where a film comes from.
struct FilmOrigin {
    nlohmann::json options;     // film_options()
    std::string film;           // film_id()
    std::string device, dtype;  // that computed its latents
};

// ASCII JSON on one line. Nothing in it depends on time, on where the film goes, or on threads. Where the film is
// decoded in another type than its latents were computed in, "decoded" names that type.
std::string film_record(const Context& ctx, const FilmOrigin& origin, const media::FilmFormat& format);

// The format as the record has it: kind, codec, bits, crf.
nlohmann::json format_record(const media::FilmFormat& format);

struct FilmRecord {
    // An option of the command line without its dashes, and its values.
    using Option = std::pair<std::string, std::vector<std::string>>;

    std::string version, device, dtype;  // of the program that made the film
    std::string film;                    // FilmOrigin; empty where the record has none
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
