// Stages on disk.
#include "pipeline/job.h"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>

#include "checkpoint/tensor_source.h"
#include "core/error.h"

namespace t3video::pipeline {
namespace {

namespace fs = std::filesystem;

// Empty where there is no such file.
std::string read_text(const fs::path& path) {
    if (!fs::is_regular_file(path)) return {};
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The file's tensors, or nothing where it is absent or damaged.
std::optional<checkpoint::TensorSource> open_stage(const fs::path& path) {
    if (!fs::is_regular_file(path)) return std::nullopt;
    try {
        return checkpoint::open_tensors(path);
    } catch (const InvalidRequest&) {
        return std::nullopt;
    }
}

bool is_f32(const Tensor& x, int rank) {
    return x.rank() == rank && x.dtype() == DType::f32 && x.numel() > 0;
}

std::optional<int64_t> whole_number(const std::string& text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value < 0) return std::nullopt;
    return value;
}

constexpr const char* kRequest = "request.json";
constexpr const char* kEmbeddings = "embeddings.safetensors";
constexpr const char* kLatents = "latents.safetensors";

}  // namespace

Job::Job(fs::path folder, const std::string& request_json) : folder_(std::move(folder)) {
    std::error_code error;
    fs::create_directories(folder_, error);
    require_valid(fs::is_directory(folder_), "job folder ", folder_.string(), " cannot be made",
                  error ? ": " + error.message() : std::string());
    if (read_text(folder_ / kRequest) == request_json) return;
    for (const char* stage : {kEmbeddings, kLatents}) {
        fs::remove(folder_ / stage, error);
        require_valid(!error, "job folder ", folder_.string(), ": ", stage,
                      " of another request cannot be removed: ", error.message());
    }
    std::ofstream file(folder_ / kRequest, std::ios::binary);
    file << request_json;
    file.close();
    require_valid(file.good(), "job folder ", folder_.string(), " cannot be written");
}

std::optional<Embeddings> Job::embeddings() const {
    const auto stage = open_stage(folder_ / kEmbeddings);
    if (!stage || !stage->contains("positive")) return std::nullopt;
    Embeddings saved{stage->at("positive"), stage->contains("negative") ? stage->at("negative") : Tensor()};
    if (!is_f32(saved.positive, 2) || (saved.negative.defined() && !is_f32(saved.negative, 2))) return std::nullopt;
    return saved;
}

std::optional<sampling::SampleState> Job::latents() const {
    const auto stage = open_stage(folder_ / kLatents);
    if (!stage || !stage->contains("x") || !stage->metadata.contains("step")) return std::nullopt;
    const auto step = whole_number(stage->metadata.at("step"));
    if (!step || !is_f32(stage->at("x"), 4)) return std::nullopt;
    sampling::SampleState state{*step, stage->at("x"), {}};
    for (int i = 0; stage->contains("history." + std::to_string(i)); ++i) {
        state.history.push_back(stage->at("history." + std::to_string(i)));
    }
    const auto fits = [&](const Tensor& earlier) {
        return earlier.dtype() == DType::f32 && earlier.shape() == state.x.shape();
    };
    if (!std::ranges::all_of(state.history, fits)) return std::nullopt;
    return state;
}

void Job::save(const Embeddings& embeddings) const {
    std::map<std::string, Tensor> tensors{{"positive", embeddings.positive}};
    if (embeddings.negative.defined()) tensors["negative"] = embeddings.negative;
    checkpoint::save_safetensors(folder_ / kEmbeddings, tensors);
}

void Job::save(const sampling::SampleState& state) const {
    std::map<std::string, Tensor> tensors{{"x", state.x}};
    for (size_t i = 0; i < state.history.size(); ++i) tensors["history." + std::to_string(i)] = state.history[i];
    checkpoint::save_safetensors(folder_ / kLatents, tensors, {{"step", std::to_string(state.step)}});
}

}  // namespace t3video::pipeline
