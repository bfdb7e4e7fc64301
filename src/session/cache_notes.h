// What people should know of a film's step cache and interval of guidance before the work.
#pragma once

#include <vector>

#include "film/film.h"

namespace t3video::session {

// Which cache and table, how many passes are computed as far as that is known, a table made with other windows; steps
// that a cache never skips, and an interval in which there are none. Empty without either.
std::vector<Message> cache_notes(const film::Film& film, const film::Networks& networks);

}  // namespace t3video::session
