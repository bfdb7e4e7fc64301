// What the stages of a film work on, from its request.
#pragma once

#include <string>

#include "session/model.h"
#include "session/observer.h"
#include "session/stages.h"

namespace t3video::session {

// Takes the input's frames. The observer hears of prompts that are too long.
Material material_of(FileModel& model, const film::Request& request, const film::Film& film, film::Input& input,
                     Observer& observer);

}  // namespace t3video::session
