// The folder in which a generation leaves its stages, so that an interrupted one goes on instead of starting over.
//
//   request.json             which film (job/identity.h), beside what else says how it is made:
//                            "t3video" (version), "device", "options" (job/film_record.h), "output"
//   embeddings.safetensors   "positive", "negative" [tokens, width]
//   input.safetensors        "latent" [channels, 1 or T, rows, columns] of an image or video that the film starts from
//   command.json             what the front door that asked for the film wants to find again (film/request.h)
//   decode.json              how far the film is written
//   files.json               job/written_files.h
//   latents.safetensors      "x" [channels, T, rows, columns], the solver's memory "history.N", what others remember as
//                            "further.NAME" of any shape, metadata "step"
//
// The safetensors files carry a checksum in their metadata.
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "job/written_files.h"
#include "sampling/sampler.h"
#include "tensor/tensor.h"

namespace t3video::job {

struct Embeddings {
    Tensor positive, negative;  // [tokens, width]; negative undefined without guidance
};

// How far a film is written.
struct Decoded {
    std::filesystem::path output;
    int64_t frames = 0, of = 0;  // written, of so many; the file is there when all are

    bool complete() const { return of > 0 && frames == of; }
};

// What the stages of a job hold; those that are absent, damaged or not finite are not set.
struct SavedStages {
    std::optional<Embeddings> embeddings;
    std::optional<sampling::SampleState> latents;
    std::optional<Tensor> input;
    std::vector<std::string> damaged;  // what is wrong, a line for each file
};

// What a job folder says about itself, without being changed.
struct JobState {
    std::filesystem::path folder;
    std::string trouble;  // why nothing else is known: damaged, not readable
    std::string prompt;
    int64_t width = 0, height = 0, film_frames = 0;
    bool text = false;
    int64_t step = 0, steps = 0;
    std::optional<Decoded> decoded;
    size_t bytes = 0;  // of its files
};

// Nothing for a folder that is no job's.
std::optional<JobState> look_at_job(const std::filesystem::path& folder);
// Whether the folder is a job's, damaged or not.
bool is_job_folder(const std::filesystem::path& folder);
// What a front door left there; null where that is absent or damaged. Throws InvalidRequest as request_of_job does.
nlohmann::json front_door_of(const std::filesystem::path& folder);
// The contents of request.json. Throws InvalidRequest where that is absent or damaged.
nlohmann::json request_of_job(const std::filesystem::path& folder);

// Whose a job folder is.
enum class Holder {
    nobody,   // it is not there, or empty
    film,     // this film's
    another,  // another film's, or a damaged job
    foreign,  // holds files, but no job
};
Holder holder_of(const std::filesystem::path& folder, const nlohmann::json& request);

// Where the film's job is: in `folder`, or set aside beside it, as "film.1.job" beside "film.job". Nothing if it has
// none.
std::optional<std::filesystem::path> find_job(const std::filesystem::path& folder, const nlohmann::json& request);

class Job {
  public:
    // Opens or makes the folder; members of `request` that differ from those of request.json replace them. If it is
    // another film's, that job is set aside under the next free number; one of this film that was set aside earlier
    // takes its place again. Removes what a killed run did not finish. Throws InvalidRequest when the folder cannot be
    // made or written, or holds files and no job; InUse while another Job has it open; WriteError where the disk is
    // full.
    Job(std::filesystem::path folder, nlohmann::json request);

    const std::filesystem::path& folder() const { return folder_; }
    const nlohmann::json& request() const { return request_; }
    // Where another film's job went; empty if there was none.
    const std::filesystem::path& set_aside() const { return set_aside_; }
    // Whether the folder's disk has locks, which keep others from working in it.
    bool has_locks() const { return lock_ && lock_->works(); }

    SavedStages stages(int threads) const;
    WrittenFiles& written() { return written_; }

    // Makes the folder again if it has gone since. Throws as the constructor does.
    void keep_folder();
    // The following make the folder again too, and throw as replace_file() does.
    void save_front_door(const std::string& text);
    void save(const Decoded& decoded);
    void save(const Embeddings& embeddings);
    void save(const sampling::SampleState& state);
    void save_input(const Tensor& latent);

  private:
    // Of the folder; the system gives it back however the process ends.
    class Lock {
      public:
        explicit Lock(const std::filesystem::path& folder);
        ~Lock();
        Lock(const Lock&) = delete;
        Lock& operator=(const Lock&) = delete;

        bool is_of(const std::filesystem::path& folder) const;
        bool works() const { return works_; }

      private:
        int descriptor_;
        bool works_ = true;
    };

    void make_folder();
    void make_way();
    void write(const char* file, const nlohmann::json& content);
    void write(const char* file, const std::map<std::string, Tensor>& tensors,
               std::map<std::string, std::string> metadata = {});

    std::filesystem::path folder_, set_aside_;
    nlohmann::json request_;
    std::string front_door_;
    std::optional<Lock> lock_;
    WrittenFiles written_;
};

}  // namespace t3video::job
