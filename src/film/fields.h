// The fields of a request by name: the one table that the command line, JSON, a film's record and its identity follow.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "film/film.h"

namespace t3video::film {

struct RequestField {
    // A list may be given several times, one value each.
    enum class Kind { value, path, flag, list };
    enum class Use {
        plan,    // what time and memory follow from, beside the values
        values,  // what only the values follow from
        format,  // of the file: codec, bits, quality
        place,   // where files go, and what is written beside the film
    };

    const char *name, *type, *group;  // "steps"; "N", as help texts call its values; "Sampling"
    const char* help;
    Use use = Use::values;
    Kind kind = Kind::value;
    // Under which name the identity of a job has its value (job/identity.h); null: not, or not by its value.
    const char* identity = nullptr;

    // Takes a value as people write it, of a flag "true" or "false", and names itself so in messages. Throws
    // InvalidRequest.
    void (*set)(Request& request, const Field& given) = nullptr;
    // As JSON; null where the request leaves it to the model, and where it has no part in the film.
    nlohmann::json (*get)(const Request& request) = nullptr;

    bool recorded() const { return use == Use::plan || use == Use::values; }  // in a film's record
};

// In the order in which records have them.
std::span<const RequestField> fields();
// Null for a name that is none.
const RequestField* find_field(std::string_view name);

// The request with whole paths, which say the same in another folder.
Request with_whole_paths(Request request);

// The same with every default of the film filled in: a later program with other defaults makes the same film of it.
Request filled_in(const Request& request, const Film& film);
// The request with names of files and folders in place of their paths.
Request with_names_only(Request request);

}  // namespace t3video::film
