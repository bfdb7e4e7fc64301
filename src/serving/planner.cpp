// A film of a request, counted on a context without arithmetic.
#include "serving/planner.h"

#include <chrono>

#include "core/error.h"
#include "media/frame_writer.h"

namespace t3video::serving {
namespace {

// What time, memory and whether the film can be depend on: all but a few values.
std::string key_of(const AskedFilm& film) {
    nlohmann::json key = {film.container};
    for (const film::RequestField& field : film::fields()) {
        const std::string_view name = field.name;
        if (name != "prompt" && name != "negative" && name != "seed") key.push_back(field.get(film.request));
    }
    return key.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Planner::Planner(const Catalogue& catalogue, plan::Machine machine, int64_t host_memory)
    : catalogue_(catalogue), machine_(std::move(machine)), host_memory_(host_memory) {}

PlanView Planner::plan(const AskedFilm& film, const std::filesystem::path& films) {
    AskedFilm placed = film;
    placed.place(films, film.request.preview_every);
    film::check_request(placed.request);
    const std::lock_guard lock(mutex_);
    Counted& counted = counted_.get(key_of(placed), [&] { return count(placed); });
    PlanView view = counted.view;
    if (rates_) counted.plan.estimate(*rates_);
    for (const plan::StagePlan& stage : counted.plan.stages)
        view.stages.push_back({stage.name, stage.seconds, stage.total()});
    view.seconds = counted.plan.seconds();
    return view;
}

Planner::Counted Planner::count(const AskedFilm& asked) {
    const film::Request& request = asked.request;
    const session::FileModel& model = session_.open(request);
    const film::Networks& networks = model.networks();
    const film::OpenInput input(request.inputs, model.files(), networks.traits(), host_memory_, {});
    const film::Film film = film::make_film(
        model.files(), networks.traits(),
        film::resolve_settings(model.files(), networks.traits(), request.settings, input.header()), request.attention);
    const film::Settings& s = film.settings;
    media::check_film(request.output, s.width, s.height, s.fps, request.video_options());
    const media::FilmFormat format = media::film_format(request.output, request.video_options());
    plan::Machine machine = machine_;
    machine.sample_bytes = media::bytes_of(format.samples);
    machine.encoder_bytes = media::encoder_bytes(format);
    if (input.header())
        machine.input_bytes =
            static_cast<size_t>(film.input_frames() * media::frame_bytes(film.size.width, film.size.height));
    Counted counted{.plan = session::plan_film(networks, film, {.preview_every = request.preview_every}, machine)};
    PlanView& view = counted.view;
    view.film = {s.width, s.height, s.frames, s.steps, s.fps};
    view.settings = s;
    view.settings.notes = view.settings.warnings = {};
    view.bytes = counted.plan.bytes();
    view.allowed = counted.plan.allowed;
    session::Observer nobody;
    view.refusal = session::refusal(
        counted.plan, networks, film, machine,
        film::other_films(model.files(), networks.traits(), film.settings, request.attention), nobody, {});
    for (const Message& note : s.notes) view.notes.push_back(note.plain());
    for (const Message& warning : s.warnings) view.notes.push_back(warning.plain());
    return counted;
}

void Planner::set_rates(const plan::Rates& rates) {
    const std::lock_guard lock(mutex_);
    rates_ = rates;
    news_.notify_all();
}

void Planner::wait_for_rates(std::stop_token stop) {
    constexpr std::chrono::seconds kLongest(15);  // a lost device measures none
    std::unique_lock lock(mutex_);
    news_.wait_for(lock, stop, kLongest, [&] { return rates_.has_value(); });
}

std::vector<ModelView> Planner::models() {
    const std::lock_guard lock(mutex_);
    std::vector<ModelView> views;
    std::vector<std::string> loras;
    for (const auto& [name, file] : catalogue_.loras()) loras.push_back(name);
    for (const ServedModel& served : catalogue_.models()) {
        film::Request request;
        request.model = served.folder;
        const session::FileModel& model = session_.open(request);
        const film::ModelTraits traits = model.networks().traits();
        views.push_back({served.name, film::resolve_settings(model.files(), traits, {}), traits.wan22, true, loras});
    }
    return views;
}

}  // namespace t3video::serving
