// A place where films are made: one device, for as long as a program lives. Models stay open and their networks
// prepared from film to film, as far as the memory allows. It knows no command line, no terminal and no signal. One
// thread at a time; several sessions may work side by side.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "plan/plan.h"
#include "session/model.h"
#include "session/observer.h"
#include "session/shelf.h"
#include "session/stages.h"

namespace t3video::session {

struct Asker;
struct JobFilm;

struct Result {
    std::filesystem::path video, contact_sheet, job_folder;  // contact_sheet empty if none was asked for
    film::Settings settings;                                 // as used, defaults filled in
    film::FrameSize size;
    double seconds = 0;
    bool was_there = false;  // nothing was left to do
};

// What a film would take.
struct Estimate {
    film::Film film;
    plan::Machine machine;
    plan::Plan plan;
    Message refusal;  // why it cannot be made, and what could; empty where it fits
    std::vector<Message> notes = {};
};

// What a session is for. Of one film, each stage's network goes before the next stage: nobody will ask for it again.
enum class Lifetime { many_films, one_film };

class Session {
  public:
    // `memory`: bytes that may be taken on the CPU; 0: what is available. A GPU's limit is part of its context.
    explicit Session(Context ctx, int64_t memory = 0, Lifetime lifetime = Lifetime::many_films);

    // Checks the request and opens every file before any long work, then runs the stages, leaving each in the job
    // folder; a rerun of the same request goes on from there, and where the film is there does nothing. Whatever it
    // throws, the next film is made as by a new session. Throws InvalidRequest for what the user can mend, Stopped
    // after what was done is saved, WriteError for a full disk.
    Result make(const film::Request& request, Observer& observer, std::stop_token stop = {});

    // Decodes the latents of the job that `request` names once more, with its output, format, rate and size where it
    // has them, else the job's own. Of the model only the VAE is opened. Throws as make(), and InvalidRequest for a job
    // that has no final latents, for a VAE that does not fit them, and where the request is another film's.
    Result decode(const film::Request& request, Observer& observer, std::stop_token stop = {});

    // Time and memory of a film, without making it. Throws as make() for requests that cannot be.
    Estimate estimate(const film::Request& request, Observer& observer, std::stop_token stop = {});
    // The same for networks of which only shapes are known.
    Estimate estimate(const film::Request& request, const film::ModelFiles& files, const film::Networks& networks,
                      Observer& observer, std::stop_token stop = {});

    // The model of a request, opened or as it is open. Valid until the next call.
    FileModel& open(const film::Request& request);

    // What make() is built from, for programs that bring their own material.
    Context& context() { return ctx_; }
    int64_t memory() const { return memory_; }  // as it was made with
    const plan::Rates& rates();
    plan::Machine machine() const;
    plan::Machine machine(const media::FilmFormat& output) const;  // for a film that is written so
    // The plan of all stages that are due; those whose network waits prepared are `ready`.
    plan::Plan plan(const Model& model, const film::Film& film, const Material& material, const plan::Machine& machine,
                    const plan::Poll& poll = {}) const;
    // Runs the stages of the plan in their order. Before each, prepared networks that leave it no room are let go, and
    // the memory that it needs is taken from the system, so that none is asked for while it runs. Throws InvalidRequest
    // when others have taken it since.
    void run(const Model& model, const film::Film& film, const plan::Plan& plan, Material& material, Watch& watch,
             media::Samples samples = media::Samples::u8);
    // Lets all prepared networks go, and gives their memory back.
    void rest();

  private:
    // Runs the plan of a film that has a job. Whatever ends it, latents are in the job then.
    void work(FileModel& model, const JobFilm& made, job::Job& job, const plan::Plan& plan, Material& material,
              const Asker& asker);
    void make_room(const Model& model, const plan::StagePlan& stage);
    // Counts what waits prepared beside the stages of a plan.
    void count_beside(plan::Plan& plan, const plan::Machine& machine) const;
    // The open model of these files, or what `load` makes of them.
    FileModel& open(film::ModelFiles files, const std::function<film::Networks()>& load);

    Context ctx_;
    int64_t memory_;
    Lifetime lifetime_;
    size_t taken_;  // by the context, before any film
    std::optional<plan::Rates> rates_;
    std::vector<std::unique_ptr<FileModel>> models_;  // the last used at the end
    Shelf shelf_;                                     // destroyed before the models, which its networks refer to
};

// Throws Stopped where a stop is asked for: while a film is read or planned, and nothing is saved yet.
void stop_early(const std::stop_token& stop);

// Why a plan does not fit: which stage, what it needs, what is allowed, and the largest number of frames and the next
// smaller size of about the same shape that would. Tells the observer that it looks for these where it takes longer
// than a second. Empty where the plan fits.
Message refusal(const plan::Plan& plan, const film::Networks& networks, const film::Film& film,
                const plan::Machine& machine, const film::FilmMaker& make, Observer& observer, const plan::Poll& poll);

}  // namespace t3video::session
