// The facade: what clients ask for, checked, kept, and told.
#include "serving/service.h"

#include <fmt/format.h>
#include <sys/random.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "core/output_file.h"
#include "core/paths.h"
#include "job/job.h"
#include "serving/keeper.h"
#include "serving/sqlite_queue.h"
#include "serving/worker.h"

namespace t3video::serving {
namespace {

namespace fs = std::filesystem;
using Kind = Refused::Kind;
using Variant = FilmFile::Variant;

// Nobody guesses another's film.
std::string random_id() {
    std::array<unsigned char, 16> bytes;
    require(getrandom(bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()), "no random numbers");
    std::string id = "video_";
    for (const unsigned char byte : bytes) id += fmt::format("{:02x}", byte);
    return id;
}

bool is_id(const std::string& id) {
    constexpr std::string_view kBegin = "video_";
    return id.size() == kBegin.size() + 32 && id.starts_with(kBegin) &&
           id.find_first_not_of("0123456789abcdef", kBegin.size()) == std::string::npos;
}

Refused unknown(const std::string& id) {
    return Refused(Kind::unknown, Message("no film ", is_id(id) ? id : "of that name"));
}

const char* type_of(const std::string& ending) {
    if (ending == ".mp4") return "video/mp4";
    if (ending == ".mkv") return "video/x-matroska";
    if (ending == ".mov") return "video/quicktime";
    if (ending == ".png") return "image/png";
    return "application/octet-stream";
}

bool is_format(const std::string& name) {
    const film::RequestField* field = film::find_field(name);
    return field != nullptr && field->use == film::RequestField::Use::format;
}

bool gives(const Submission& asked, const std::string& field) {
    return std::ranges::find(asked.fields, field, &FieldValues::value_type::first) != asked.fields.end();
}

std::vector<std::pair<fs::path, std::string>> known_folders(const DataFolder& data, const Catalogue& catalogue,
                                                            const ServiceOptions& options) {
    std::vector<std::pair<fs::path, std::string>> folders{{data.root(), ""}};
    for (const ServedModel& model : catalogue.models()) folders.emplace_back(model.folder, model.name);
    for (const fs::path& loras : options.loras) folders.emplace_back(loras, "loras");
    return folders;
}

std::vector<std::unique_ptr<session::Session>> sessions_of(const ServiceOptions& options) {
    require(!options.devices.empty(), "a server without a device");
    std::vector<std::unique_ptr<session::Session>> sessions;
    for (const SessionMaker& make : options.devices) sessions.push_back(make());
    return sessions;
}

}  // namespace

class Service::Impl {
  public:
    explicit Impl(ServiceOptions given);
    ~Impl() { shut_down(); }

    FilmView accept(const Submission& asked, const std::string& origin, const std::string& latents_of);
    Entry entry(const std::string& id);
    FilmView view(const Entry& entry);
    FilmView view(const Entry& entry, const Ahead& ahead);
    void require_open() const;
    void require_room() const;
    void remove(const std::string& id);
    void shut_down();

    // What is said of errors below has no paths.
    template <class F>
    auto said(F&& f) {
        try {
            return f();
        } catch (const Refused& refused) {
            throw Refused(refused.kind(), words.without_paths(refused.message()));
        } catch (const WriteError&) {
            throw Refused(Kind::disk_full, Message("the disk of the data folder is full: nothing can be written"));
        } catch (const InvalidRequest& error) {
            throw InvalidRequest(words.without_paths(error.message()));
        } catch (const Error& error) {
            throw Error(words.without_paths(error.message()));
        }
    }

    const ServiceOptions options;
    DataFolder folder;
    SqliteQueue queue;
    Uploads uploads;
    Catalogue catalogue;
    Words words;
    EventHub hub;
    Workplace place;
    std::vector<std::unique_ptr<session::Session>> sessions;
    Planner planner;
    Keeper keeper;
    std::stop_source stopping;
    std::mutex closing;
    std::vector<std::thread> threads;
};

Service::Impl::Impl(ServiceOptions given)
    : options(std::move(given)),
      folder(options.data, options.disk_bytes, options.disk_reserve),
      queue(folder.queue()),
      uploads(folder.uploads(), options.uploads),
      catalogue(options.models, options.loras, uploads),
      words(known_folders(folder, catalogue, options)),
      sessions(sessions_of(options)),
      planner(catalogue, sessions.front()->machine(),
              plan::host_memory(sessions.front()->context(), sessions.front()->memory())),
      keeper({options, folder, queue, uploads, hub, place, words, random_id()}) {
    planner.models();  // each opens
    uploads.set_shortage([this] { return keeper.shortage(); });
    const auto step_of = [this](const std::string& id) {
        const auto job = job::look_at_job(folder.job(id));
        return job ? job->step : int64_t{0};
    };
    queue.release_all(step_of, expiry(options));
    keeper.tidy_up();
    threads.emplace_back([this] { keeper.run(); });
    for (size_t i = 0; i < sessions.size(); ++i) {
        const auto shortage = [this] {
            keeper.count();
            return keeper.shortage();
        };
        threads.emplace_back([this, i, shortage, session = std::move(sessions[i])]() mutable {
            WorkerTools tools{options, folder, catalogue, words, queue, hub, planner, place, keeper.owner(), shortage};
            Worker(std::move(tools), i, std::move(session)).run();
        });
    }
}

void Service::Impl::shut_down() {
    const std::lock_guard lock(closing);
    stopping.request_stop();
    place.close();
    hub.close();
    for (std::thread& thread : threads) thread.join();
    threads.clear();
}

void Service::Impl::require_open() const {
    if (place.closed()) throw Refused(Kind::shutting_down, Message("the server shuts down"));
}

void Service::Impl::require_room() const {
    if (const std::string why = keeper.shortage(); !why.empty()) throw Refused(Kind::disk_full, Message(why));
}

Entry Service::Impl::entry(const std::string& id) {
    if (!is_id(id)) throw unknown(id);
    auto found = queue.find(id);
    if (!found) throw unknown(id);
    return std::move(*found);
}

FilmView Service::Impl::view(const Entry& entry) {
    return view(entry, entry.state == State::queued ? queue.ahead_of(entry) : Ahead());
}

FilmView Service::Impl::view(const Entry& entry, const Ahead& ahead) {
    FilmView view{.entry = entry, .progress = {}, .ahead = {}, .has_preview = false};
    if (const auto progress = hub.progress(entry.id)) view.progress = *progress;
    view.has_preview = is_there(folder.film(entry.id) / "film.preview.png");
    if (entry.state == State::completed) view.progress.share = 1;
    if (entry.state != State::queued) return view;
    view.ahead = ahead;
    if (view.progress.waiting.empty()) view.progress.waiting = place.trouble();
    if (entry.estimate > 0 && view.progress.waiting.empty()) view.progress.eta = ahead.seconds + entry.estimate;
    return view;
}

// `latents_of`: the film whose latents it takes over; empty: none.
FilmView Service::Impl::accept(const Submission& asked, const std::string& origin, const std::string& latents_of) {
    require_open();
    require_room();
    AskedFilm film = catalogue.film_of(asked.fields, asked.container);
    film.request.preview_every = options.preview_every;
    const PlanView plan = planner.plan(film, folder.films());
    if (!plan.refusal.empty()) throw InvalidRequest(plan.refusal);
    Entry entry{.id = random_id(),
                .key = asked.key,
                .priority = asked.priority,
                .model = film.model,
                .fields = film.fields,
                .container = film.container,
                .origin = origin,
                .film = plan.film,
                .failure = {},
                .estimate = plan.seconds};
    try {
        if (!latents_of.empty()) folder.share_job(latents_of, entry.id);
        entry = queue.add(entry, {.of_key = asked.key_cap, .of_all = options.queue_cap});
    } catch (...) {
        if (!latents_of.empty()) folder.remove_film(entry.id);
        throw;
    }
    place.count([](Counters& c) { ++c.accepted; });
    place.wake();
    return view(entry);
}

void Service::Impl::remove(const std::string& id) {
    if (!is_id(id) || !queue.remove(id)) throw unknown(id);
    place.count([](Counters& c) { ++c.removed; });
    if (place.stop(id)) return;  // the worker clears away what is left
    hub.end(id, State::cancelled, {"cancelled", "the film was removed"});
    folder.remove_film(id);
    queue.forget(id);
    place.wake();
}

Service::Service(ServiceOptions options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Service::~Service() = default;

FilmView Service::submit(const Submission& submission) {
    return impl_->said([&] { return impl_->accept(submission, "", ""); });
}

FilmView Service::remix(const std::string& id, const Submission& changes) {
    return impl_->said([&] {
        const Entry entry = impl_->entry(id);
        Submission whole = changes;
        if (whole.container.empty()) whole.container = entry.container;
        FieldValues own = entry.fields;
        own.emplace_back("model", entry.model);
        const auto is_input = [](const std::string& name) { return name == "image" || name == "video"; };
        const bool another_input = gives(changes, "image") || gives(changes, "video");
        for (const auto& field : own)
            if (!gives(changes, field.first) && !(another_input && is_input(field.first)))
                whole.fields.push_back(field);
        return impl_->accept(whole, id, "");
    });
}

FilmView Service::decode(const std::string& id, const Submission& changes) {
    return impl_->said([&] {
        const Entry entry = impl_->entry(id);
        const auto job = job::look_at_job(impl_->folder.job(id));
        if (!job || job->steps == 0 || job->step < job->steps)
            throw Refused(Kind::wrong_state, Message("film ", id, " is not denoised yet, and cannot be decoded again"));
        Submission whole = changes;
        if (whole.container.empty()) whole.container = entry.container;
        for (const auto& [name, value] : changes.fields)
            require_valid(is_format(name) || name == "fps", Field(name),
                          ": has no part in another format; a remix makes another film");
        // Codec, bits and quality hold for a file of the same kind, bits and quality for the same codec.
        const bool other_file = whole.container != entry.container;
        FieldValues own = entry.fields;
        own.emplace_back("model", entry.model);
        for (const auto& field : own) {
            const bool dropped = is_format(field.first) && (other_file || gives(changes, "codec"));
            if (!dropped && !gives(changes, field.first)) whole.fields.push_back(field);
        }
        return impl_->accept(whole, id, id);
    });
}

PlanView Service::plan(const Submission& submission) {
    return impl_->said([&] {
        AskedFilm film = impl_->catalogue.film_of(submission.fields, submission.container);
        film.request.preview_every = impl_->options.preview_every;
        impl_->planner.wait_for_rates(impl_->stopping.get_token());  // seconds, at the first start on a machine
        PlanView view = impl_->planner.plan(film, impl_->folder.films());
        view.refusal = impl_->words.without_paths(view.refusal);
        for (std::string& note : view.notes) note = impl_->words.without_paths(note);
        Entry last;
        last.number = std::numeric_limits<int64_t>::max();
        last.priority = submission.priority;
        view.seconds_before = impl_->queue.ahead_of(last).seconds;
        return view;
    });
}

FilmView Service::get(const std::string& id) {
    return impl_->view(impl_->entry(id));
}

FilmPage Service::list(const ListQuery& query) {
    const Page page = impl_->queue.list(query);
    FilmPage films{.films = {}, .more = page.more};
    const bool queued = std::ranges::find(page.entries, State::queued, &Entry::state) != page.entries.end();
    const auto ahead =
        queued ? impl_->queue.ahead_of(std::span(page.entries)) : std::vector<Ahead>(page.entries.size());
    for (size_t i = 0; i < page.entries.size(); ++i) films.films.push_back(impl_->view(page.entries[i], ahead[i]));
    return films;
}

FilmView Service::cancel(const std::string& id) {
    const Entry before = impl_->entry(id);
    if (is_over(before.state))
        throw Refused(Kind::wrong_state, Message("film ", id, " is over: it is ", word_of(before.state)));
    const auto entry = impl_->queue.cancel(id, expiry(impl_->options));
    if (!entry) throw unknown(id);
    impl_->place.stop(id);
    if (is_over(entry->state)) {
        impl_->hub.end(id, entry->state, entry->failure);
        impl_->place.count([&](Counters& c) { c.cancelled += entry->state == State::cancelled; });
    }
    return impl_->view(*entry);
}

FilmView Service::resume(const std::string& id, int64_t key_cap) {
    impl_->require_open();
    impl_->require_room();
    const Entry before = impl_->entry(id);
    const Entry entry = impl_->queue.resume(before.id, {.of_key = key_cap, .of_all = impl_->options.queue_cap});
    impl_->place.count([](Counters& c) { ++c.resumed; });
    impl_->place.wake();
    return impl_->view(entry);
}

void Service::remove(const std::string& id) {
    impl_->said([&] { impl_->remove(id); });
}

FilmFile Service::file(const std::string& id, Variant variant) {
    const Entry entry = impl_->entry(id);
    const bool preview = variant == Variant::preview;
    if (!preview && entry.state != State::completed)
        throw Refused(Kind::wrong_state, Message("film ", id, " is ", word_of(entry.state), ", not completed"));
    const std::string name = variant == Variant::video       ? "film" + entry.container
                             : variant == Variant::thumbnail ? "thumbnail.png"
                             : preview                       ? "film.preview.png"
                                                             : "film.png";
    const fs::path path = impl_->folder.film(id) / name;
    if (!is_there(path))
        throw Refused(preview ? Kind::wrong_state : Kind::unknown,
                      Message("film ", id, " has no ", preview ? "preview yet" : "such file"));
    return {path, type_of(path.extension().string()),
            concat(id, variant == Variant::video ? "" : "." + path.stem().string(), path.extension().string())};
}

std::unique_ptr<Subscription> Service::events(const std::string& id) {
    auto subscription = impl_->hub.subscribe(impl_->entry(id));
    // It may have ended, or gone, before there was somebody to tell.
    const auto now = impl_->queue.find(id);
    if (!now) impl_->hub.end(id, State::cancelled, {"cancelled", "the film was removed"});
    if (now && is_over(now->state)) impl_->hub.end(id, now->state, now->failure);
    if (now && now->state == State::queued) impl_->hub.tell_waiting(impl_->place.trouble());
    return subscription;
}

Uploads& Service::uploads() {
    return impl_->uploads;
}

void Service::take_back(const Upload& upload) noexcept {
    try {
        impl_->uploads.take_back(upload, [this](const std::string& id) { return impl_->queue.uses(id); });
    } catch (const std::exception&) {  // it goes with those that nobody names
    }
}

std::vector<ModelView> Service::models() {
    return impl_->said([&] { return impl_->planner.models(); });
}

Counters Service::counters() {
    Counters counters = impl_->place.counters();
    counters.now = impl_->queue.counts();
    counters.uploads = impl_->uploads.bytes();
    counters.disk_used = counters.now.bytes + counters.uploads;
    counters.disk_free = impl_->folder.free_bytes();
    return counters;
}

Health Service::health() {
    Health health{.ready = !impl_->place.closed(), .trouble = impl_->place.trouble()};
    if (!health.trouble.empty()) health.ready = false;
    return health;
}

void Service::shut_down() {
    impl_->shut_down();
}

}  // namespace t3video::serving
