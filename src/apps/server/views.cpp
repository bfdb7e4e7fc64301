// Makes JSON.
#include "apps/server/views.h"

#include <algorithm>
#include <cmath>

#include "core/numbers.h"
#include "film/field_values.h"

namespace t3video::server {
namespace {

using serving::State;

// Times and numbers that are 0 until they are known.
ordered_json or_null(int64_t value) {
    return value > 0 ? ordered_json(value) : ordered_json();
}
ordered_json or_null(const std::string& text) {
    return text.empty() ? ordered_json() : ordered_json(text);
}
double rounded(double value) {
    return std::round(value * 1000) / 1000;
}
ordered_json eta_of(const serving::Progress& progress) {
    return progress.eta ? ordered_json(rounded(*progress.eta)) : ordered_json();
}

// The dialect has four words; a film that was cancelled failed with that code.
const char* status_of(State state) {
    switch (state) {
        case State::queued:
            return "queued";
        case State::running:
            return "in_progress";
        case State::completed:
            return "completed";
        default:
            return "failed";
    }
}

int percent_of(const serving::FilmView& film) {
    if (film.entry.state == State::completed) return 100;
    return std::clamp(static_cast<int>(film.progress.share * 100), 0, 99);
}

std::string size_of(int64_t width, int64_t height) {
    return concat(width, "x", height);
}

const std::string* field_of(const serving::Entry& entry, std::string_view name) {
    const auto found = std::ranges::find(entry.fields, name, [](const auto& field) { return field.first; });
    return found == entry.fields.end() ? nullptr : &found->second;
}

ordered_json seed_of(const serving::Entry& entry) {
    const std::string* seed = field_of(entry, "seed");
    const auto number = seed ? number_of<uint64_t>(*seed) : std::nullopt;
    return number ? ordered_json(*number) : ordered_json();
}

std::string line_of(const Message& message) {
    return message.in(http_tongue());
}

}  // namespace

Answer json_answer(const ordered_json& body, int status) {
    return {.status = status,
            .type = "application/json",
            .body = body.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n",
            .headers = {{"Cache-Control", "no-store"}}};
}

std::string preview_address(const std::string& id, int64_t number) {
    return concat("/v1/videos/", id, "/preview?of=", number);
}

ordered_json video_of(const serving::FilmView& film) {
    const serving::Entry& e = film.entry;
    const bool failed = e.state == State::failed || e.state == State::cancelled;
    const bool steps = film.progress.of > 0;
    const std::string* prompt = field_of(e, "prompt");
    return {
        {"id", e.id},
        {"object", "video"},
        {"model", e.model},
        {"status", status_of(e.state)},
        {"progress", percent_of(film)},
        {"created_at", e.created},
        {"completed_at", e.state == State::completed ? or_null(e.ended) : ordered_json()},
        {"expires_at", or_null(e.expires)},
        {"prompt", prompt ? *prompt : ""},
        {"seconds", exact_text(rounded(e.film.seconds()))},
        {"size", size_of(e.film.width, e.film.height)},
        {"error", failed ? ordered_json({{"code", e.failure.code}, {"message", e.failure.message}}) : ordered_json()},
        {"remixed_from_video_id", or_null(e.origin)},
        {"seed", seed_of(e)},
        {"num_frames", e.film.frames},
        {"fps", e.film.fps},
        {"stage", or_null(film.progress.stage)},
        {"step", steps ? ordered_json(film.progress.done) : ordered_json()},
        {"of", steps ? ordered_json(film.progress.of) : ordered_json()},
        {"eta_s", eta_of(film.progress)},
        {"position", e.state == State::queued ? ordered_json(film.ahead.films) : ordered_json()},
        {"reason", or_null(film.progress.waiting)},
        {"preview", film.has_preview ? ordered_json(preview_address(e.id, film.progress.preview)) : ordered_json()},
        {"request", request_of(e)}};
}

Answer video_answer(const serving::FilmView& film, int status) {
    Answer answer = json_answer(video_of(film), status);
    if (serving::is_over(film.entry.state)) return answer;
    constexpr double kSoonest = 500, kLatest = 5000;  // milliseconds
    const double share = film.progress.eta.value_or(8) * 1000 / 8;
    answer.headers.emplace_back("openai-poll-after-ms",
                                std::to_string(static_cast<int>(std::clamp(share, kSoonest, kLatest))));
    return answer;
}

ordered_json list_of(const serving::FilmPage& page) {
    ordered_json data = ordered_json::array();
    for (const serving::FilmView& film : page.films) data.push_back(video_of(film));
    const bool any = !page.films.empty();
    return {{"object", "list"},
            {"data", std::move(data)},
            {"has_more", page.more},
            {"first_id", any ? ordered_json(page.films.front().entry.id) : ordered_json()},
            {"last_id", any ? ordered_json(page.films.back().entry.id) : ordered_json()}};
}

ordered_json model_of(const serving::ModelView& model, int64_t created) {
    const film::Settings& s = model.defaults;
    ordered_json inputs = ordered_json::array();
    if (model.takes_image) inputs.push_back("image");
    if (model.takes_video) inputs.push_back("video");
    return {{"id", model.name},
            {"object", "model"},
            {"created", created},
            {"owned_by", "t3video"},
            {"defaults",
             {{"size", size_of(s.width, s.height)},
              {"num_frames", s.frames},
              {"fps", s.fps},
              {"num_inference_steps", s.steps},
              {"guidance_scale", s.cfg},
              {"flow_shift", s.shift},
              {"solver", s.solver},
              {"negative_prompt", s.negative_prompt}}},
            {"inputs", std::move(inputs)},
            {"loras", model.loras}};
}

ordered_json plan_of(const serving::PlanView& plan, const serving::Upload& upload) {
    ordered_json stages = ordered_json::array();
    for (const serving::StageEstimate& stage : plan.stages)
        stages.push_back({{"name", stage.name}, {"time_s", rounded(stage.seconds)}, {"memory_bytes", stage.bytes}});
    const std::string refusal = line_of(plan.refusal);
    return {
        {"object", "plan"},
        {"size", size_of(plan.film.width, plan.film.height)},
        {"num_frames", plan.film.frames},
        {"fps", plan.film.fps},
        {"seconds", exact_text(rounded(plan.film.seconds()))},
        {"num_inference_steps", plan.film.steps},
        {"guidance_scale", plan.settings.cfg},
        {"flow_shift", plan.settings.shift},
        {"solver", plan.settings.solver},
        {"fits", refusal.empty()},
        {"reason", or_null(refusal)},
        {"time_s", rounded(plan.seconds)},
        {"wait_s", rounded(plan.seconds_before)},
        {"memory_bytes", plan.bytes},
        {"memory_allowed_bytes", plan.allowed},
        {"stages", std::move(stages)},
        {"notes", plan.notes},
        {"input",
         upload.id.empty()
             ? ordered_json()
             : ordered_json(
                   {{"id", upload.id}, {"kind", upload.field()}, {"width", upload.width}, {"height", upload.height}})}};
}

std::string event_text(const std::string& id, const serving::Event& event) {
    const serving::Progress& p = event.progress;
    ordered_json data;
    using Kind = serving::Event::Kind;
    switch (event.kind) {
        case Kind::waiting:
            data = {{"reason", or_null(p.waiting)}};
            break;
        case Kind::stage:
        case Kind::step:
            data = {{"stage", p.stage}, {"unit", p.unit}, {"step", p.done}, {"of", p.of}};
            break;
        case Kind::preview:
            data = {{"url", preview_address(id, p.preview)}};
            break;
        case Kind::done:
            data = {{"status", "completed"}};
            break;
        case Kind::error:
            data = {{"status", "failed"}, {"code", event.failure.code}, {"message", event.failure.message}};
            break;
    }
    data["progress"] = event.kind == Kind::done ? 100 : std::clamp(static_cast<int>(p.share * 100), 0, 99);
    data["eta_s"] = eta_of(p);
    return concat("event: ", event.name(),
                  "\ndata: ", data.dump(-1, ' ', false, ordered_json::error_handler_t::replace), "\n\n");
}

}  // namespace t3video::server
