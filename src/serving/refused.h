// Why a server does not do what it is asked for, where that is not the request's fault: a wrong field is an
// InvalidRequest, whose message() names it.
#pragma once

#include "core/error.h"

namespace t3video::serving {

class Refused : public Error {
  public:
    enum class Kind {
        unknown,        // no film, upload, picture or model of that name
        wrong_state,    // of the film, for what was asked: its content before it is ready, a resume of one that runs
        cap_reached,    // so many films of this key, or of all, wait already
        too_large,      // an upload
        disk_full,      // the data folder's bound or its disk
        shutting_down,  // the server takes nothing any more
    };

    Refused(Kind kind, const Message& message) : Error(message), kind_(kind) {}
    Kind kind() const { return kind_; }

  private:
    Kind kind_;
};

}  // namespace t3video::serving
