// Bodies of requests about films: JSON, or forms whose file goes to the disk as it arrives.
#pragma once

#include "apps/server/film_form.h"
#include "apps/server/http/exchange.h"

namespace t3video::server {

constexpr int64_t kLargestJson = int64_t{16} << 20;  // bytes, and of a form's texts; larger inputs come as files

// Throws HttpError: 400 and 413 for what is wrong, 415 for another kind of body.
void read_film_body(Request& request, FilmForm& form, serving::Uploads& uploads);
// Of actions that have no fields: no body, or an empty object.
void read_empty_body(Request& request);

}  // namespace t3video::server
