// Keeps what a session tells of its films.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "session/observer.h"

namespace t3video::testing {

class Listener final : public session::Observer {
  public:
    // Called at every stage's beginning (0 done) and advance; may throw.
    std::function<void(const std::string& stage, int64_t done)> at = {};
    std::function<void(const session::Beginning& film)> at_begin = {};

    std::optional<plan::Plan> plan;   // of the last film that began
    std::vector<std::string> stages;  // "denoise, 4 steps"
    std::vector<std::string> notes, warnings;
    std::vector<media::Image> previews;
    int64_t computed_steps = 0;  // of the last film with a cache

    void begins(const session::Beginning& film) override {
        plan = film.plan;
        if (at_begin) at_begin(film);
    }
    void stage(const std::string& name, int64_t total, const std::string& unit) override {
        stages.push_back(concat(name, ", ", total, " ", unit));
        stage_ = name;
        if (at) at(name, 0);
    }
    void advanced(int64_t done) override {
        if (at && done > 0) at(stage_, done);
    }
    void computed(int64_t steps) override { computed_steps = steps; }
    void preview(const media::Image& picture) override { previews.push_back(picture); }
    void note(const Message& line) override { notes.push_back(line.plain()); }
    void warn(const Message& line) override { warnings.push_back(line.plain()); }

    // How many notes contain the text.
    size_t notes_of(const std::string& text) const {
        size_t count = 0;
        for (const std::string& note : notes) count += note.find(text) != std::string::npos ? 1 : 0;
        return count;
    }

  private:
    std::string stage_;
};

}  // namespace t3video::testing
