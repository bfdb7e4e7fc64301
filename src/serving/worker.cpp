// The loop, and what becomes of each film.
#include "serving/worker.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <new>

#include "core/output_file.h"
#include "media/contact_sheet.h"
#include "media/input/film_reader.h"
#include "media/png.h"
#include "serving/sqlite_queue.h"

namespace t3video::serving {
namespace {

namespace fs = std::filesystem;

// Answers go before films: threads that this one starts, to compute with, are as patient.
void be_patient() {
    constexpr int kNice = 5;
    setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
}

// A small picture of the film's beginning.
void write_thumbnail(const fs::path& film, const fs::path& file) {
    media::Image image;
    const auto reader = media::open_frames(film);
    if (!reader->read(image)) return;
    const int64_t width = std::min(image.width, media::ContactSheet::kThumbnailWidth);
    media::write_png(file, media::shrink(image, width, std::max<int64_t>(1, image.height * width / image.width)));
}

// What a line says about a disk, without advice for the command line.
std::string first_clause(const std::string& text) {
    return text.substr(0, text.find(';'));
}

}  // namespace

int64_t expiry(const ServiceOptions& options) {
    return options.keep_seconds > 0 ? unix_time() + options.keep_seconds : 0;
}

void Worker::log(const std::string& line) const {
    if (tools_.options.log) tools_.options.log(line);
}

void Worker::wait_for(const std::string& whom, const std::string& why) {
    if (!tools_.place.set_trouble(whom, why)) return;
    tools_.hub.tell_waiting(tools_.place.trouble());
    log(why.empty() ? concat(whom, ": works again") : concat("films wait: ", why));
}

// A device that fails may come back: it is tried again and again.
bool Worker::has_session() {
    const std::string whom = concat("device ", number_);
    if (session_) return true;
    try {
        session_ = tools_.options.devices[number_]();
        wait_for(whom, "");
        return true;
    } catch (const std::exception& error) {
        wait_for(whom, concat("the device is lost: ", tools_.words.without_paths(error.what()),
                              "; if it stays so, start the server again"));
        return false;
    }
}

bool Worker::has_room() {
    try {
        const std::string shortage = tools_.shortage();
        wait_for("disk", shortage);
        return shortage.empty();
    } catch (const Error& error) {
        wait_for("queue", tools_.words.line(error.message()));
        return false;
    }
}

// Measured at the first start on a machine, which takes seconds.
bool Worker::tells_rates() {
    if (number_ != 0 || rates_told_) return true;
    try {
        tools_.planner.set_rates(session_->rates());
        rates_told_ = true;
    } catch (const std::exception& error) {
        log(concat("rates: ", tools_.words.without_paths(error.what())));
        session_.reset();
    }
    return rates_told_;
}

std::optional<Entry> Worker::next() {
    // A long row of one kind does not keep others waiting for good.
    constexpr int64_t kInARow = 16;
    try {
        auto entry = tools_.queue.lease(tools_.owner, kLeaseSeconds, in_a_row_ < kInARow ? kind_ : std::string());
        wait_for("queue", "");
        if (!entry && tools_.queue.counts().queued == 0) wait_for("film", "");  // the one that had trouble is gone
        if (entry) {
            in_a_row_ = entry->kind() == kind_ && in_a_row_ < kInARow ? in_a_row_ + 1 : 1;
            kind_ = entry->kind();
        }
        return entry;
    } catch (const Error& error) {
        wait_for("queue", tools_.words.line(error.message()));
        return std::nullopt;
    }
}

void Worker::run() {
    be_patient();
    constexpr double kIdle = 1;  // seconds: films that were put back come due without a word
    while (!tools_.place.closed()) {
        const int64_t wakes = tools_.place.wakes();
        if (!has_session() || !has_room() || !tells_rates()) {
            tools_.place.pause(tools_.options.retry_seconds);
            continue;
        }
        if (const auto entry = next()) {
            make(*entry);
        } else {
            tools_.place.wait(wakes, kIdle);
        }
    }
}

bool Worker::keep_trying(const std::function<void()>& change) {
    for (;;) {
        try {
            change();
            wait_for("queue", "");
            return true;
        } catch (const Error& error) {
            wait_for("queue", tools_.words.line(error.message()));
        }
        if (tools_.place.closed()) return false;
        tools_.place.pause(tools_.options.retry_seconds);
    }
}

Worker::Outcome Worker::failed(const Entry& entry, const Message& message) {
    log(fmt::format("film {}: {}", entry.id, tools_.words.line(message)));
    return {State::failed, {"failed", tools_.words.line(message)}, {}, {}};
}

// Every kind of failure leaves a worker that can make the next film.
Worker::Outcome Worker::attempt(const Entry& entry, FilmTeller& teller, const std::stop_token& stop) try {
    FieldValues fields = entry.fields;
    fields.emplace_back("model", entry.model);
    AskedFilm asked = tools_.catalogue.film_of(fields, entry.container);
    asked.place(tools_.folder.film(entry.id), tools_.options.preview_every);
    tools_.folder.make_film(entry.id);
    const session::Result result = session_->make(asked.request, teller, stop);
    try {
        write_thumbnail(result.video, tools_.folder.film(entry.id) / "thumbnail.png");
    } catch (const Error& error) {
        log(fmt::format("film {}: no thumbnail: {}", entry.id, tools_.words.line(error.message())));
    }
    return {State::completed, {}, {}, {}};
} catch (const Stopped&) {
    return {State::cancelled, {"cancelled", "the film was cancelled"}, {}, {}};
} catch (const InUse& error) {
    return {State::queued, {}, tools_.words.line(error.message()), {}};
} catch (const WriteError& error) {
    return {State::queued, {}, first_clause(tools_.words.line(error.message())), {}};
} catch (const InvalidRequest& error) {
    // A folder that lost its owner's permission is not the film's fault.
    if (const std::string why = tools_.shortage(); !why.empty()) return {State::queued, {}, why, {}};
    return failed(entry, error.message());
} catch (const OutOfMemory& error) {
    Outcome outcome = failed(entry, error.message());
    outcome.failure.code = "out_of_memory";
    session_->rest();
    return outcome;
} catch (const Error& error) {
    Outcome outcome = failed(entry, error.message());
    outcome.broken = true;
    return outcome;
} catch (const std::bad_alloc&) {
    Outcome outcome = failed(entry, Message("the machine had no more memory"));
    outcome.failure.code = "out_of_memory";
    session_->rest();
    return outcome;
} catch (const std::exception& error) {
    Outcome outcome = failed(entry, Message(error.what()));
    outcome.broken = true;
    return outcome;
}

void Worker::make(const Entry& entry) {
    const std::stop_token stop = tools_.place.begin(entry.id);
    // Wishes that came between the lease and here.
    std::optional<Entry> now;
    if (!keep_trying([&] { now = tools_.queue.find(entry.id); })) return;
    if (!now || now->cancelling) tools_.place.stop(entry.id);
    const auto say = [&](const Message& line) { log(concat("film ", entry.id, ": ", tools_.words.line(line))); };
    FilmTeller teller([&](const Progress& progress) { tools_.hub.tell(entry.id, progress); }, say,
                      [&](const Resolved& film) {
                          try {
                              if (film != entry.film) tools_.queue.settle(entry.id, film);
                          } catch (const Error& error) {
                              say(error.message());  // ends no film
                          }
                      });
    Outcome outcome = attempt(entry, teller, stop);
    if (outcome.broken) {
        session_.reset();
        // A lost device is not the film's fault, unless it is lost at the same film again.
        if (!has_session() && lost_.insert(entry.id).second) outcome = {State::queued, {}, tools_.place.trouble(), {}};
    }
    Times times = teller.times();
    times.waiting = static_cast<double>(std::max<int64_t>(0, entry.begun - entry.created));
    settle(entry, outcome, times);
    tools_.place.end(entry.id);
    tools_.place.wake();
}

void Worker::settle(const Entry& entry, Outcome outcome, const Times& t) {
    const std::string& id = entry.id;
    const int64_t bytes = tools_.folder.film_bytes(id);
    std::optional<Entry> now;
    if (!keep_trying([&] { now = tools_.queue.find(id); })) return;  // the next start takes it up
    // Stopped, and nobody wished for it: the server shuts down.
    if (outcome.state == State::cancelled && now && !now->cancelling) outcome.state = State::queued;
    const bool done = keep_trying([&] {
        if (outcome.state != State::queued)
            return tools_.queue.finish(id, outcome.state, outcome.failure, bytes, expiry(tools_.options));
        const bool waits = !outcome.why.empty();
        const auto pause = static_cast<int64_t>(tools_.options.retry_seconds);
        tools_.queue.put_back(id, waits ? unix_time() + std::max<int64_t>(1, pause) : 0, expiry(tools_.options));
    });
    if (!done) return;
    if (!keep_trying([&] { now = tools_.queue.find(id); })) return;
    if (!now) return clear_away(id);
    wait_for("film", outcome.why);
    if (!outcome.why.empty()) tools_.hub.tell(id, {.waiting = outcome.why});
    tools_.place.count([&](Counters& c) {
        c.completed += now->state == State::completed;
        c.failed += now->state == State::failed;
        c.cancelled += now->state == State::cancelled;
        if (now->state != State::completed) return;
        c.waiting += t.waiting;
        c.opening += t.opening;
        c.text += t.text;
        c.encode += t.encode;
        c.denoise += t.weights + t.denoise;
        c.decode += t.decode + t.closing;
    });
    log(fmt::format(
        "film {}: {} {}x{}, {} frames, {} steps: {}; waited {:.0f} s, opening {:.3f} s, text {:.3f} s, encode "
        "{:.3f} s, weights {:.3f} s, denoise {:.3f} s, decode {:.3f} s, closing {:.3f} s",
        id, entry.model, entry.film.width, entry.film.height, entry.film.frames, entry.film.steps, name_of(now->state),
        t.waiting, t.opening, t.text, t.encode, t.weights, t.denoise, t.decode, t.closing));
    // Last, so that who hears of it finds it counted.
    if (is_over(now->state)) tools_.hub.end(id, now->state, now->failure);
}

// A film that was removed while it ran.
void Worker::clear_away(const std::string& id) {
    tools_.hub.end(id, State::cancelled, {"cancelled", "the film was removed"});
    keep_trying([&] {
        tools_.folder.remove_film(id);
        tools_.queue.forget(id);
    });
}

}  // namespace t3video::serving
