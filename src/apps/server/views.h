// What clients are told of films, models and plans, as JSON.
#pragma once

#include "apps/server/dialect.h"
#include "apps/server/http/exchange.h"
#include "serving/service.h"

namespace t3video::server {

Answer json_answer(const ordered_json& body, int status = 200);

ordered_json video_of(const serving::FilmView& film);
// With the header that steers how soon an SDK asks again, where the film is not over.
Answer video_answer(const serving::FilmView& film, int status = 200);
ordered_json list_of(const serving::FilmPage& page);
ordered_json model_of(const serving::ModelView& model, int64_t created);
ordered_json plan_of(const serving::PlanView& plan, const serving::Upload& upload);
// A server-sent event with its name and data.
std::string event_text(const std::string& id, const serving::Event& event);

std::string preview_address(const std::string& id, int64_t number);

}  // namespace t3video::server
