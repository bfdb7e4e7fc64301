// The folder in which a generation leaves its stages, so that an interrupted one goes on instead of starting over.
//
//   request.json             what the latents depend on
//   embeddings.safetensors   "positive", "negative" [tokens, width]
//   latents.safetensors      "x" [channels, T, rows, columns], the solver's memory "history.N", metadata "step"
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "sampling/sampler.h"
#include "tensor/tensor.h"

namespace t3video::pipeline {

struct Embeddings {
    Tensor positive, negative;  // [tokens, width]; negative undefined without guidance
};

class Job {
  public:
    // Opens or makes the folder. If it holds stages of another request (its request.json differs from `request_json`),
    // they are discarded. Throws InvalidRequest when the folder cannot be made or written.
    Job(std::filesystem::path folder, const std::string& request_json);

    const std::filesystem::path& folder() const { return folder_; }

    // Absent or damaged stages read as nothing: they are made again.
    std::optional<Embeddings> embeddings() const;
    std::optional<sampling::SampleState> latents() const;
    void save(const Embeddings& embeddings) const;
    void save(const sampling::SampleState& state) const;

  private:
    std::filesystem::path folder_;
};

}  // namespace t3video::pipeline
