// The files of a job folder, read by those who do not trust them; shared by job.cpp and what only looks.
#pragma once

#include <map>

#include "job/job.h"

namespace t3video::job {

constexpr const char* kRequest = "request.json";
constexpr const char* kEmbeddings = "embeddings.safetensors";
constexpr const char* kInput = "input.safetensors";
constexpr const char* kFrontDoor = "command.json";
constexpr const char* kDecoded = "decode.json";
constexpr const char* kWritten = "files.json";
constexpr const char* kLatents = "latents.safetensors";
constexpr const char* kJobFiles[] = {kRequest, kEmbeddings, kInput, kFrontDoor, kDecoded, kWritten, kLatents};

constexpr const char* kFurther = "further.";   // in front of the names of SampleState::further
constexpr const char* kChecksum = "checksum";  // in the metadata of stages

// Of names and bytes.
std::string checksum_of(const std::map<std::string, Tensor>& tensors);

// The text of request.json: it begins with what tells it from other programs' files of that name.
std::string dumped_request(const nlohmann::json& request);

// Absent, damaged: null.
nlohmann::json read_job_json(const std::filesystem::path& file);

SavedStages read_stages(const std::filesystem::path& folder, int threads);
std::optional<Decoded> read_decoded(const std::filesystem::path& folder);

}  // namespace t3video::job
