// A service over a folder of its own, with the demo model.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "serving/refusal.h"
#include "serving/service.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::serving {

// A film that takes a moment.
inline FieldValues small_film(const std::string& prompt, int seed = 1) {
    return {{"prompt", prompt}, {"size", "96x64"}, {"frames", "5"}, {"steps", "2"}, {"seed", std::to_string(seed)}};
}

inline FieldValues with(FieldValues fields, const std::string& name, const std::string& value) {
    for (auto& field : fields) {
        if (field.first == name) {
            field.second = value;
            return fields;
        }
    }
    fields.emplace_back(name, value);
    return fields;
}

inline SessionMaker on_the_cpu() {
    return [] { return std::make_unique<session::Session>(Context()); };
}

class ServiceTest : public ::testing::Test {
  protected:
    ServiceOptions options(const std::string& name = "data") {
        ServiceOptions options;
        options.data = folder_ / name;
        options.models = {{"demo", {}}};
        options.devices = {on_the_cpu()};
        options.disk_reserve = 0;
        options.retry_seconds = 0.05;
        options.log = [this](const std::string& line) {
            const std::lock_guard lock(mutex_);
            log_.push_back(line);
        };
        return options;
    }
    std::string log() const {
        const std::lock_guard lock(mutex_);
        std::string all;
        for (const std::string& line : log_) all += line + "\n";
        return all;
    }

    // Listens until the film is over.
    FilmView finished(Service& service, const std::string& id) {
        heard_.clear();
        const auto listener = service.events(id);
        while (!listener->over()) {
            for (const Event& event : listener->next(std::chrono::seconds(60))) heard_.push_back(event);
        }
        return service.get(id);
    }
    bool heard(Event::Kind kind, const std::string& stage = "") const {
        for (const Event& event : heard_) {
            if (event.kind == kind && (stage.empty() || event.progress.stage == stage)) return true;
        }
        return false;
    }
    FilmView made(Service& service, const FieldValues& fields, const std::string& container = "") {
        return finished(service, service.submit({.fields = fields, .container = container}).entry.id);
    }
    // Until it denoises.
    void wait_for_steps(Service& service, const std::string& id) {
        const auto listener = service.events(id);
        while (!listener->over()) {
            for (const Event& event : listener->next(std::chrono::seconds(60))) {
                if (event.progress.stage == "denoise" && event.progress.done > 0) return;
            }
        }
        ADD_FAILURE() << id << " ended before";
    }
    static std::string bytes_of(Service& service, const std::string& id) {
        return testing::read_file(service.file(id, FilmFile::Variant::video).path);
    }

    testing::TemporaryFolder folder_;
    mutable std::mutex mutex_;
    std::vector<std::string> log_;
    std::vector<Event> heard_;
};

}  // namespace t3video::serving
