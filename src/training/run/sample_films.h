// Films that a run makes on the way, with the weights that it has.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "session/session.h"
#include "training/run/options.h"

namespace t3video::training {

struct SampleFilm {
    std::string prompt;
    std::filesystem::path film, sheet;  // the sheet shows all of it at one glance
};

class SampleFilms {
  public:
    // Embeds the prompts: to be made before a trainer takes the device's memory. Nothing where there are none.
    SampleFilms(session::Session& session, session::FileModel& model, const RunOptions& options,
                session::Observer& observer);

    bool any() const { return !prompts_.empty(); }

    // Bytes that making them takes at most, beside what is in use on the device.
    size_t bytes(const film::Film& film) const;

    // One film of each prompt, its noise from the prompt's number; NAME-0.mp4, NAME-0.png and so on in `folder`. Throws
    // Stopped, WriteError, and InvalidRequest where the memory does not do.
    std::vector<SampleFilm> make(const models::WanDit& dit, const film::Film& film, const std::filesystem::path& folder,
                                 const std::string& name, std::stop_token stop) const;

  private:
    plan::Plan plan(const session::Model& model, const film::Film& film, const session::Material& material) const;

    session::Session& session_;
    session::FileModel& model_;
    session::Observer& observer_;
    std::vector<std::string> prompts_;
    std::vector<job::Embeddings> embeddings_;  // of each
};

// A film of clips of that size and rate, as sample films have it.
film::Film sample_film_of(const session::FileModel& model, const RunOptions& options, int64_t width, int64_t height,
                          int64_t frames, double fps, const film::LayoutChoice& windows);

}  // namespace t3video::training
