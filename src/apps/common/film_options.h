// The fields of a film as options of a command: those of the table in film/fields.h.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

#include "film/fields.h"

namespace t3video::apps {

// Adds an option for each field that `wanted` takes. What is parsed goes to `request`, which must outlive the command.
void add_film_options(CLI::App& command, film::Request& request,
                      const std::function<bool(const film::RequestField&)>& wanted);

// What a plan needs to know.
inline bool is_planned(const film::RequestField& field) {
    return field.use == film::RequestField::Use::plan;
}
inline bool is_any(const film::RequestField&) {
    return true;
}

}  // namespace t3video::apps
