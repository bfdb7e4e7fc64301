// Who a session tells of a film while it makes it. All calls come on the thread that makes the film.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "core/message.h"
#include "film/film.h"
#include "media/frame.h"
#include "plan/plan.h"

namespace t3video::session {

// A film that is about to be made.
struct Beginning {
    const film::Request& request;  // with the output that was chosen where none was asked for
    const film::ModelFiles& files;
    const film::Film& film;
    const film::Input& input;
    const plan::Plan& plan;
    bool latents_only_decoded = false;  // of the job's finished latents, without the stages before
};

// The base does not listen.
class Observer {
  public:
    virtual ~Observer() = default;

    // From here on there is something to keep: a wish to stop is met where it can be.
    virtual void begins(const Beginning& /*film*/) {}
    // A stage of `total` units ("steps", "frames"), of which so many are done; its end.
    virtual void stage(const std::string& /*name*/, int64_t /*total*/, const std::string& /*unit*/) {}
    virtual void advanced(int64_t /*done*/) {}
    // Of the steps done so far, those that a cache did not skip; before advanced() tells how many are.
    virtual void computed(int64_t /*steps*/) {}
    virtual void stage_ended() {}
    // A small picture of what is being denoised.
    virtual void preview(const media::Image& /*picture*/) {}
    virtual void note(const Message& /*line*/) {}
    virtual void warn(const Message& /*line*/) {}
};

}  // namespace t3video::session
