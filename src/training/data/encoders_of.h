// Which networks of a model latents and texts come from.
#pragma once

#include "session/model.h"
#include "training/data/shards.h"

namespace t3video::training {

// By contents. Throws InvalidRequest for files that cannot be read.
Encoders encoders_of(session::FileModel& model);

}  // namespace t3video::training
