// The folder in which a generation leaves its stages, so that an interrupted one goes on instead of starting over.
//
//   request.json             what the latents depend on
//   embeddings.safetensors   "positive", "negative" [tokens, width]
//   input.safetensors        "latent" [channels, 1 or T, rows, columns] of an image or video that the film starts from
//   command.json             the words of the command that made the folder, for `t3video resume`
//   decode.json              how far the film is written, and by which command
//   latents.safetensors      "x" [channels, T, rows, columns], the solver's memory "history.N", metadata "step"
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "sampling/sampler.h"
#include "tensor/tensor.h"

namespace t3video::pipeline {

struct Embeddings {
    Tensor positive, negative;  // [tokens, width]; negative undefined without guidance
};

// How far a film is written.
struct Decoded {
    std::filesystem::path output;
    std::vector<std::string> command;  // Request::command
    int64_t frames = 0, of = 0;        // written, of so many; the file is there when all are

    bool complete() const { return of > 0 && frames == of; }
};

// What a job folder says about itself, without being changed.
struct JobState {
    std::filesystem::path folder;
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
// The command that made the folder, as words; throws InvalidRequest where it is absent or damaged.
std::vector<std::string> command_of_job(const std::filesystem::path& folder);

class Job {
  public:
    // Opens or makes the folder. If it holds stages of another request (its request.json differs from `request_json`),
    // they are discarded; so are files that a killed run did not finish. Throws WriteError where the disk is full,
    // InvalidRequest when the folder cannot be made or written, or while another Job has it open.
    Job(std::filesystem::path folder, const std::string& request_json);

    const std::filesystem::path& folder() const { return folder_; }

    // Whether `folder` holds this request: the constructor would discard another's stages.
    static bool holds(const std::filesystem::path& folder, const std::string& request_json);
    // Throws InvalidRequest unless it does.
    static void require_same(const std::filesystem::path& folder, const std::string& request_json);

    // Absent or damaged stages read as nothing: they are made again.
    std::optional<Embeddings> embeddings() const;
    std::optional<sampling::SampleState> latents() const;
    std::optional<Tensor> input() const;
    std::optional<Decoded> decoded() const;
    void save(const std::vector<std::string>& command) const;
    void save(const Decoded& decoded) const;
    void save(const Embeddings& embeddings) const;
    void save(const sampling::SampleState& state) const;
    void save_input(const Tensor& latent) const;

  private:
    // Of the folder; the system gives it back however the process ends.
    class Lock {
      public:
        explicit Lock(const std::filesystem::path& folder);
        ~Lock();
        Lock(const Lock&) = delete;
        Lock& operator=(const Lock&) = delete;

      private:
        int descriptor_;
    };

    std::filesystem::path folder_;
    std::optional<Lock> lock_;
};

}  // namespace t3video::pipeline
