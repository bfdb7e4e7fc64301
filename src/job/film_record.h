// How a film was made, as the text that its file carries.
//
//   {"t3video": "0.1.0", "device": "cpu", "dtype": "f32", "film": "16 digits that tell it from other films",
//    "computed": "1-11, 13, 50",                                           of passes, where a cache skipped some
//    "options": {"prompt": "...", "size": "448x256", "seed": 0, ...},      fields by name
//    "format": {"kind": "video", "codec": "h264", "bits": 8, "crf": 18}}
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "film/fields.h"

namespace t3video::job {

// The fields that make the film, by name, with every default filled in.
nlohmann::json recorded_fields(const film::Request& request, const film::Film& film);

// Where a film comes from.
struct FilmOrigin {
    nlohmann::json options;     // recorded_fields()
    std::string film;           // film_id()
    std::string device, dtype;  // that computed its latents
};

// ASCII JSON on one line. Nothing in it depends on time, on where the film goes, or on threads. Where the film is
// decoded in another type than its latents were computed in, "decoded" names that type.
// `computed`: the passes that a cache did not skip, as sampling::computed_text; empty where all were computed.
std::string film_record(const Context& ctx, const FilmOrigin& origin, const media::FilmFormat& format,
                        const std::string& computed = {});

// The format as the record has it: kind, codec, bits, crf.
nlohmann::json format_record(const media::FilmFormat& format);

struct FilmRecord {
    // A field by its name, and its values as people write them.
    using Option = std::pair<std::string, std::vector<std::string>>;

    std::string version, device, dtype;  // of the program that made the film
    std::string computed;                // as film_record takes it
    std::string film;                    // FilmOrigin; empty where the record has none
    std::vector<Option> options;         // all but those of the format
    std::string kind;                    // "video", "y4m", "png" or "exr"
    std::vector<Option> format;          // codec, bits, crf, as far as the kind has them
};

std::string_view name_of(media::OutputKind kind);

// Nothing for a text that is no record.
std::optional<FilmRecord> parse_film_record(const std::string& text);

}  // namespace t3video::job
