// Stages on disk.
#include "pipeline/job.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "checkpoint/tensor_source.h"
#include "core/error.h"
#include "core/json.h"
#include "core/output_file.h"
#include "media/film_format.h"

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
constexpr const char* kInput = "input.safetensors";
constexpr const char* kCommand = "command.json";
constexpr const char* kDecoded = "decode.json";
constexpr const char* kLatents = "latents.safetensors";

// Absent, damaged: null.
nlohmann::json read_json(const fs::path& path) {
    nlohmann::json json = parse_json_or_discard(read_text(path));
    return json.is_discarded() ? nlohmann::json() : json;
}

// Words of a command line need not be UTF-8.
std::string dumped(const nlohmann::json& json) {
    return json.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::optional<Decoded> decoded_in(const fs::path& folder) try {
    const nlohmann::json json = read_json(folder / kDecoded);
    if (!json.is_object()) return std::nullopt;
    const auto frames = whole_number_at(json, "frames"), of = whole_number_at(json, "of");
    if (!frames || !of) return std::nullopt;
    Decoded decoded{json.at("output").get<std::string>(), json.at("command"), *frames, *of};
    media::output_kind(decoded.output);  // refuses what no film is written to
    return decoded;
} catch (const nlohmann::json::exception&) {
    return std::nullopt;
} catch (const InvalidRequest&) {
    return std::nullopt;
}

}  // namespace

std::optional<JobState> look_at_job(const fs::path& folder) try {
    const nlohmann::json request = read_json(folder / kRequest);
    if (!request.is_object()) return std::nullopt;
    const auto width = whole_number_at(request, "width"), height = whole_number_at(request, "height"),
               frames = whole_number_at(request, "frames"), steps = whole_number_at(request, "steps");
    if (!width || !height || !frames || !steps) return std::nullopt;
    JobState state{.folder = folder,
                   .prompt = request.at("prompt"),
                   .width = *width,
                   .height = *height,
                   .film_frames = *frames,
                   .text = fs::is_regular_file(folder / kEmbeddings),
                   .steps = *steps,
                   .decoded = decoded_in(folder)};
    if (const auto latents = open_stage(folder / kLatents); latents && latents->metadata.contains("step"))
        state.step = whole_number(latents->metadata.at("step")).value_or(0);
    for (const auto& entry : fs::directory_iterator(folder)) {
        std::error_code error;  // a run that goes on renames its files meanwhile
        const auto bytes = entry.file_size(error);
        if (!error) state.bytes += bytes;
    }
    return state;
} catch (const nlohmann::json::exception&) {
    return std::nullopt;
}

bool is_job_folder(const fs::path& folder) {
    return fs::is_regular_file(folder / kRequest);
}

std::vector<std::string> command_of_job(const fs::path& folder) try {
    require_valid(is_job_folder(folder), folder.string(),
                  ": not a job folder; expected one that t3video generate left beside a film, such as film.job");
    return read_json(folder / kCommand).get<std::vector<std::string>>();
} catch (const nlohmann::json::exception&) {
    throw InvalidRequest(concat(folder.string(), ": no command.json that says how the job was started; ",
                                "give the t3video generate command again"));
}

bool Job::holds(const fs::path& folder, const std::string& request_json) {
    return read_text(folder / kRequest) == request_json;
}

void Job::require_same(const fs::path& folder, const std::string& request_json) {
    require_valid(holds(folder, request_json), "job folder ", folder.string(),
                  " belongs to another film, or its model's files have changed since; ",
                  "give the t3video generate command to make a film from the beginning");
}

Job::Lock::Lock(const fs::path& folder) : descriptor_(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    const bool taken = descriptor_ >= 0 && !try_lock(descriptor_);
    if (taken) close(descriptor_);
    require_valid(!taken, "job folder ", folder.string(),
                  " is in use by another t3video process; wait for it to end, or give --job another folder");
}

Job::Lock::~Lock() {
    if (descriptor_ >= 0) close(descriptor_);
}

Job::Job(fs::path folder, const std::string& request_json) : folder_(std::move(folder)) {
    std::error_code error;
    fs::create_directories(folder_, error);
    if (is_full(error.value())) throw WriteError(concat(folder_.string(), ": ", words_of_refusal(error.value())));
    require_valid(fs::is_directory(folder_), "job folder ", folder_.string(), " cannot be made",
                  error ? ": " + error.message() : std::string());
    lock_.emplace(folder_);
    for (const char* file : {kRequest, kEmbeddings, kInput, kCommand, kDecoded, kLatents})
        remove_partial(folder_ / file);
    if (holds(folder_, request_json)) return;
    for (const char* stage : {kEmbeddings, kInput, kLatents, kCommand, kDecoded}) {
        fs::remove(folder_ / stage, error);
        require_valid(!error, "job folder ", folder_.string(), ": ", stage,
                      " of another request cannot be removed: ", error.message());
    }
    require_valid(!fs::is_directory(folder_ / kRequest), "job folder ", folder_.string(), " cannot be written");
    replace_file(folder_ / kRequest, request_json);
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

std::optional<Tensor> Job::input() const {
    const auto stage = open_stage(folder_ / kInput);
    if (!stage || !stage->contains("latent") || !is_f32(stage->at("latent"), 4)) return std::nullopt;
    return stage->at("latent");
}

void Job::save_input(const Tensor& latent) const {
    checkpoint::save_safetensors(folder_ / kInput, {{"latent", latent}});
}

std::optional<Decoded> Job::decoded() const {
    return decoded_in(folder_);
}

void Job::save(const std::vector<std::string>& command) const {
    replace_file(folder_ / kCommand, dumped(command));
}

void Job::save(const Decoded& decoded) const {
    replace_file(folder_ / kDecoded, dumped({{"output", decoded.output.string()},
                                             {"command", decoded.command},
                                             {"frames", decoded.frames},
                                             {"of", decoded.of}}));
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
