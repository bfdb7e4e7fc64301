// Looks for films that fit where one does not.
#include <fmt/format.h>

#include <algorithm>

#include "core/clock.h"
#include "core/error.h"
#include "core/readable_bytes.h"
#include "session/session.h"

namespace t3video::session {
namespace {

class Search {
  public:
    Search(const film::Networks& networks, const film::Film& film, const plan::Machine& machine,
           const film::FilmMaker& make, Observer& observer, const plan::Poll& poll)
        : networks_(networks), film_(film), machine_(machine), make_(make), observer_(observer), poll_(poll) {
        done_.embeddings.emplace();  // the text is the same for every film
    }

    // What makes the film fit by its length: the most frames, fewer than it has. Empty if nothing does.
    Message shorter() {
        const auto& s = film_.settings;
        Message fields;
        int64_t good = -1, bad = (s.frames - 1) / 4;  // in latent frames after the first
        while (bad - good > 1) {
            const int64_t middle = good + (bad - good) / 2;
            const film::Film film = make_(s.width, s.height, 4 * middle + 1);
            const bool fitting = fits(film);
            if (fitting) fields = Message(Field("frames", film.settings.frames), attention(film));
            (fitting ? good : bad) = middle;
        }
        return fields;
    }

    // By its size: the next smaller one, in eighths of the sides.
    Message smaller() {
        const auto& s = film_.settings;
        const int64_t cell = networks_.traits().cell;
        for (int64_t eighths = 7; eighths >= 1; --eighths) {
            const auto side = [&](int64_t whole) { return std::max(cell, whole * eighths / 8 / cell * cell); };
            const film::Film film = make_(side(s.width), side(s.height), s.frames);
            if (fits(film))
                return Message(Field("size", film.settings.width, 'x', film.settings.height), attention(film));
        }
        return Message();
    }

  private:
    bool fits(const film::Film& film) {
        if (!said_ && seconds_since(start_) > 1) {
            said_ = true;
            observer_.note(Message("Does not fit; looking for what would ..."));
        }
        return plan_film(networks_, film, done_, machine_, poll_).too_large() == nullptr;
    }
    // What else to ask for where windows are known for the film's own grid only.
    Message attention(const film::Film& film) const {
        const bool all = film.attention.layout.patterns == t3::full_attention({}).patterns,
                   all_before = film_.attention.layout.patterns == t3::full_attention({}).patterns;
        return all && !all_before ? Message(" ", Field("attention", "full")) : Message();
    }

    const film::Networks& networks_;
    const film::Film& film_;
    const plan::Machine& machine_;
    const film::FilmMaker& make_;
    Observer& observer_;
    const plan::Poll& poll_;
    Material done_;
    Clock::time_point start_ = Clock::now();
    bool said_ = false;
};

// In words, as exact as it takes to tell it from `other`.
std::string exact_bytes(size_t bytes, size_t other) {
    const auto mib = [](size_t b) { return (b + (size_t{1} << 20) - 1) >> 20; };
    if (readable_bytes(bytes) != readable_bytes(other)) return readable_bytes(bytes);
    return mib(bytes) != mib(other) ? fmt::format("{} MiB", mib(bytes)) : fmt::format("{} bytes", bytes);
}

}  // namespace

Message refusal(const plan::Plan& plan, const film::Networks& networks, const film::Film& film,
                const plan::Machine& machine, const film::FilmMaker& make, Observer& observer, const plan::Poll& poll) {
    const plan::StagePlan* const stage = plan.too_large();
    if (stage == nullptr) return Message();
    const auto& s = film.settings;
    Message advice;
    if (stage->name != "text") {  // which is the same for every film
        Search search(networks, film, machine, make, observer, poll);
        advice = search.shorter();
        if (const Message smaller = search.smaller(); !smaller.empty())
            advice = advice.empty() ? smaller : Message(advice, ", or ", smaller);
    }
    if (advice.empty()) {
        const Message more("allow more with ", Field("memory"), ", or use a ");
        advice = !plan.limit.empty() ? Message("no smaller film; raise that limit")
                 : machine.on_cpu()  ? Message("no smaller film; ", more, "machine that has more")
                                     : Message("no smaller film; ", more, "larger GPU, or ", Field("device", "cpu"));
    }
    return Message(stage->name, " of ", s.width, "x", s.height, ", ", s.frames, " frames, needs ",
                   exact_bytes(stage->bytes, plan.allowed), ", but ", exact_bytes(plan.allowed, stage->bytes),
                   plan.limit.empty() ? "" : " (" + plan.limit + ")", " may be used; what fits: ", advice);
}

}  // namespace t3video::session
