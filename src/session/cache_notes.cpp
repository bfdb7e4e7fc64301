// Caches in words.
#include "session/cache_notes.h"

#include "session/denoise.h"

namespace t3video::session {

std::vector<Message> cache_notes(const film::Film& film, const film::Networks& networks) {
    using sampling::CacheKind;
    const film::Settings& s = film.settings;
    const sampling::CacheSettings& cache = s.cache;
    std::vector<Message> notes;
    if (cache.kind == CacheKind::none && s.guidance.all()) return notes;
    const std::vector<sampling::StepPasses> steps = passes_of(film, networks.experts, schedule_of(film));
    int64_t running = 0, computed = 0, guided = 0;
    for (const sampling::StepPasses& step : steps) {
        guided += step.guided;
        running += 1 + step.guided;
        computed += step.computes[0] + step.computes[1];
    }
    if (!s.guidance.all() && film.guided())
        notes.emplace_back("Guidance in ", guided, " of ", s.steps,
                           " steps: ", Field("guidance-interval", film::text_of(s.guidance)));
    if (cache.kind == CacheKind::none) return notes;
    const Field named("cache", film::text_of(film::choice_of(cache)));
    const bool known = passes_are_known(film, networks.experts);
    notes.emplace_back(named, ": ", s.cache_origin,
                       known ? concat("; computes ", computed, " of ", running, " passes") : std::string());
    const bool easy = cache.kind == CacheKind::easy;
    if (easy ? s.steps <= cache.first + 1 : known && computed == running)
        notes.emplace_back(named, ": never skips a pass of ", s.steps, " steps",
                           easy ? concat(": the first ", cache.first, " and the last are always computed") : "");
    const std::string windows = film::windows_text(film.attention.layout);
    if (!s.cache_attention.empty() && s.cache_attention != windows)
        notes.emplace_back("The table of ", Field("cache"), " was made with ", s.cache_attention, ", this film has ",
                           windows, ": t3video calibrate makes one for it");
    return notes;
}

}  // namespace t3video::session
