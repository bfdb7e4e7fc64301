// The words of the videos API for fields of a film (film/fields.h): the small table that requests, answers, messages
// and the description of the API follow.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

#include "core/message.h"
#include "serving/queue.h"

namespace t3video::server {

using nlohmann::ordered_json;

struct DialectField {
    enum class Type {
        text,
        integer,
        number,
        number_or_text,
        names,  // of LoRAs
        input,  // a picture or a video
        object,
    };
    const char* name;
    Type type;
    const char* film;  // the field that it is; null where that is worked out (film_form.cpp)
    const char* help;
    double least = 0, most = 0;  // of numbers; alike: any
};

constexpr const char* kExtra = "extra_params";  // whose members are fields of a film, by their own names
constexpr size_t kLongestText = 32'000;         // bytes of a value
constexpr double kMostFrames = 100'000;

// The largest value of a field of whole numbers: of seeds one that no double holds.
constexpr uint64_t largest_whole(const DialectField& field) {
    return field.most > 1e18 ? UINT64_MAX : static_cast<uint64_t>(field.most);
}

std::span<const DialectField> dialect();
const DialectField* find_dialect(std::string_view name);

// "num_inference_steps" for "steps", "extra_params.solver" for "solver".
std::string dialect_name(std::string_view film_field);
// How messages name fields and remedies here.
const Tongue& http_tongue();

// The body of a request that asks for the same film, in a file of the same kind.
ordered_json request_of(const serving::Entry& entry);

}  // namespace t3video::server
