// Films are asked for, looked at, changed and removed.
#include <chrono>

#include "apps/server/film_body.h"
#include "apps/server/film_form.h"
#include "apps/server/site.h"
#include "apps/server/views.h"
#include "core/numbers.h"

namespace t3video::server {
namespace {

using serving::State;
using Takes = FilmForm::Takes;

// A file that came with a request which is refused does not stay.
struct KeptUpload {
    serving::Service& service;
    const FilmForm& form;
    bool stays = false;

    ~KeptUpload() {
        if (!stays && form.upload().is_new) service.take_back(form.upload());
    }
};

// Reads the body, hands its fields to `act`, and names the field of an error as the client did.
template <class Act>
auto with_fields(Site& site, Request& request, Takes takes, Act&& act, const serving::Entry* origin = nullptr) {
    FilmForm form(site.service, takes, origin);
    KeptUpload kept{site.service, form};
    try {
        read_film_body(request, form, site.service.uploads());
        serving::Submission submission = form.submission();
        submission.key = request.key;
        submission.key_cap = request.key_cap;
        submission.priority = request.key_priority;
        auto done = act(submission, form);
        kept.stays = true;
        return done;
    } catch (const InvalidRequest& error) {
        const Field* field = error.message().field();
        throw HttpError{400, "invalid_value", error.message().in(http_tongue()),
                        field ? form.param_of(field->name) : ""};
    }
}

void require_prompt(const FilmForm& form) {
    if (!form.has("prompt")) throw HttpError{400, "missing_field", "prompt: expected what the film shows", "prompt"};
}

serving::FilmView submitted(Site& site, Request& request) {
    return with_fields(site, request, Takes::film, [&](const serving::Submission& submission, const FilmForm& form) {
        require_prompt(form);
        return site.service.submit(submission);
    });
}

}  // namespace

Answer create_film(Site& site, Request& request) {
    return video_answer(submitted(site, request), 202);
}

Answer make_film_now(Site& site, Request& request) {
    constexpr std::chrono::milliseconds kPatience{500};
    const std::string id = submitted(site, request).entry.id;
    const auto news = site.service.events(id);
    while (!news->over()) {
        news->next(kPatience);
        if (request.connected()) continue;
        if (!site.closing) {  // nobody waits for it any more
            site.service.cancel(id);
            throw HttpError{503, "client_gone",
                            "the client ended the connection; the film was cancelled, and can be resumed"};
        }
        throw HttpError{503, "shutting_down",
                        "the server shuts down; the film goes on when it starts again: GET /v1/videos/" + id};
    }
    const serving::FilmView film = site.service.get(id);
    const serving::Failure& failure = film.entry.failure;
    if (film.entry.state == State::cancelled) throw HttpError{409, failure.code, failure.message};
    if (film.entry.state == State::failed) throw HttpError{500, failure.code, failure.message};
    const serving::FilmFile file = site.service.file(id, serving::FilmFile::Variant::video);
    Answer answer = file_answer(request, file.path, file.type, file.name);
    answer.headers.emplace_back("X-Video-Id", id);
    return answer;
}

Answer list_films(Site& site, Request& request) {
    serving::ListQuery query;
    if (const std::string* after = find_query(request, "after")) query.after = *after;
    if (const std::string* limit = find_query(request, "limit")) {
        const auto number = number_of<int64_t>(*limit);
        if (!number || *number < 1 || *number > 100) throw wrong_field("limit", "expected 1 to 100");
        query.limit = *number;
    }
    if (const std::string* order = find_query(request, "order")) {
        if (*order != "asc" && *order != "desc") throw wrong_field("order", "expected asc or desc");
        query.newest_first = *order == "desc";
    }
    if (site.keyed) query.key = request.key;
    try {
        return json_answer(list_of(site.service.list(query)));
    } catch (const serving::Refused& refused) {
        if (refused.kind() != serving::Refused::Kind::unknown) throw;
        throw HttpError{404, "not_found", "after: no film of that id", "after"};
    }
}

Answer get_film(Site& site, Request& request) {
    return video_answer(site.film(request));
}

Answer remove_film(Site& site, Request& request) {
    site.film(request);
    site.service.remove(request.id);
    return json_answer({{"id", request.id}, {"object", "video.deleted"}, {"deleted", true}});
}

Answer remix_film(Site& site, Request& request) {
    const serving::Entry origin = site.film(request).entry;
    const auto remix = [&](const serving::Submission& changes, const FilmForm& form) {
        require_prompt(form);
        return video_answer(site.service.remix(request.id, changes), 202);
    };
    return with_fields(site, request, Takes::film, remix, &origin);
}

Answer cancel_film(Site& site, Request& request) {
    site.film(request);
    read_empty_body(request);
    const serving::FilmView film = site.service.cancel(request.id);
    return video_answer(film, serving::is_over(film.entry.state) ? 200 : 202);
}

Answer resume_film(Site& site, Request& request) {
    site.film(request);
    read_empty_body(request);
    return video_answer(site.service.resume(request.id, request.key_cap), 202);
}

Answer decode_film(Site& site, Request& request) {
    site.film(request);
    return with_fields(site, request, Takes::format, [&](const serving::Submission& changes, const FilmForm&) {
        return video_answer(site.service.decode(request.id, changes), 202);
    });
}

Answer plan_film(Site& site, Request& request) {
    return with_fields(site, request, Takes::film, [&](serving::Submission& submission, const FilmForm& form) {
        // What a film takes does not follow from its prompt.
        if (!form.has("prompt")) submission.fields.emplace_back("prompt", "a film");
        return json_answer(plan_of(site.service.plan(submission), form.upload()));
    });
}

}  // namespace t3video::server
