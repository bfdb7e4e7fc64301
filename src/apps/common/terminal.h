// A film's progress on standard error.
#pragma once

#include <optional>

#include "apps/common/interrupt.h"
#include "apps/common/progress.h"
#include "session/session.h"

namespace t3video::apps {

class Terminal final : public session::Observer {
  public:
    // `title`: what to call the film in the log; may be empty.
    explicit Terminal(bool quiet, std::string title = {});

    void begins(const session::Beginning& film) override;
    void stage(const std::string& name, int64_t total, const std::string& unit) override;
    void advanced(int64_t done) override;
    void computed(int64_t steps) override { computed_ = steps; }
    void stage_ended() override { progress_.end(); }
    void note(const Message& line) override;
    void warn(const Message& line) override;

  private:
    std::string title_;
    Progress progress_;
    std::optional<int64_t> computed_;  // steps of the stage
    std::optional<UnsavedWork> work_;  // from the film's beginning on
};

// Says where a film is.
void report(const session::Result& result);

}  // namespace t3video::apps
