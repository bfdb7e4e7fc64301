// Reading job folders: nothing in them is believed before it is checked.
#include "job/job_files.h"

#include <algorithm>

#include "checkpoint/finite.h"
#include "checkpoint/tensor_source.h"
#include "core/content_hash.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/json.h"
#include "core/numbers.h"
#include "core/paths.h"
#include "job/identity.h"
#include "media/film_format.h"

namespace t3video::job {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr std::string_view kMark = "{\n \"t3video\": ";  // dumped_request() begins so

// Empty where there is none that can be read.
std::string read_text(const fs::path& file) try {
    return is_file(file) ? read_text_file(file, "a file of a job") : std::string();
} catch (const InvalidRequest&) {
    return {};
}

std::optional<int64_t> whole_number(const std::string& text) {
    const auto value = number_of<int64_t>(text);
    return value && *value >= 0 ? value : std::nullopt;
}

// A stage whose bytes are those that were written, and finite. Throws InvalidRequest, naming the file, for another.
class Stage {
  public:
    Stage(const fs::path& file, int threads) : source_(checkpoint::open_tensors(file)) {
        std::map<std::string, Tensor> tensors;
        for (const auto& [name, stored] : source_.tensors) {
            check(!stored.tensor.encoding(), "it holds values that are no numbers");
            tensors[name] = stored.tensor.numbers();
        }
        check(metadata(kChecksum) == checksum_of(tensors), "its checksum is wrong");
        for (const auto& [name, x] : tensors)
            check(x.dtype() == DType::f32 && checkpoint::is_finite(x, threads), "it holds values that are no numbers");
    }
    bool has(const std::string& name) const { return source_.contains(name); }
    Tensor take(const std::string& name, int rank) const {
        const Tensor& x = source_.at(name);
        check(x.rank() == rank && x.dtype() == DType::f32 && x.numel() > 0, "it does not hold what belongs there");
        return x;
    }
    // Those whose names begin so, of any shape, by the rest of their names.
    std::map<std::string, Tensor> take_all(const std::string& prefix) const {
        std::map<std::string, Tensor> taken;
        for (const auto& [name, stored] : source_.tensors) {
            if (name.starts_with(prefix)) taken[name.substr(prefix.size())] = take(name, stored.tensor.rank());
        }
        return taken;
    }
    // Empty where there is none.
    std::string metadata(const std::string& name) const {
        const auto found = source_.metadata.find(name);
        return found == source_.metadata.end() ? std::string() : found->second;
    }
    void check(bool condition, const char* what) const {
        require_valid(condition, source_.path.string(), ": damaged: ", what);
    }

  private:
    checkpoint::TensorSource source_;
};

Embeddings read_embeddings(const Stage& stage) {
    return {stage.take("positive", 2), stage.has("negative") ? stage.take("negative", 2) : Tensor()};
}

sampling::SampleState read_latents(const Stage& stage) {
    const auto step = whole_number(stage.metadata("step"));
    stage.check(step.has_value(), "it does not say after which step it was saved");
    sampling::SampleState state{*step, stage.take("x", 4), {}};
    for (int i = 0; stage.has("history." + std::to_string(i)); ++i) {
        state.history.push_back(stage.take("history." + std::to_string(i), 4));
        stage.check(state.history.back().shape() == state.x.shape(), "its parts differ in shape");
    }
    state.further = stage.take_all(kFurther);
    return state;
}

bool is_left_by_a_killed_run(const fs::path& file) {
    return file.filename() == std::string(kRequest) + ".partial" && is_file(file) &&
           kMark.starts_with(read_text(file).substr(0, kMark.size()));
}

}  // namespace

std::string checksum_of(const std::map<std::string, Tensor>& tensors) {
    ContentHash hash;
    for (const auto& [name, tensor] : tensors) {
        hash.add(name + ' ');
        hash.add(std::span(static_cast<const std::byte*>(tensor.raw()), tensor.bytes()));
    }
    return hash.text();
}

std::string dumped_request(const json& request) {
    nlohmann::ordered_json text = {{"t3video", T3VIDEO_VERSION}};
    for (const auto& [name, value] : request.items()) text[name] = value;
    return text.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

json read_job_json(const fs::path& file) {
    json content = parse_json_or_discard(read_text(file));
    return content.is_discarded() ? json() : content;
}

json request_of_job(const fs::path& folder) {
    require_valid(is_job_folder(folder), folder.string(),
                  ": not a job folder; expected one that t3video left beside a film, such as film.job");
    json request = read_job_json(folder / kRequest);
    require_valid(request.is_object(), (folder / kRequest).string(),
                  ": damaged; ask for the film again, which sets this job aside and begins anew");
    return request;
}

SavedStages read_stages(const fs::path& folder, int threads) {
    SavedStages stages;
    const auto read = [&](const char* name, auto&& take) {
        const fs::path file = folder / name;
        if (!is_there(file)) return;
        try {
            take(Stage(file, threads));
        } catch (const InvalidRequest& error) {
            stages.damaged.push_back(error.what());  // names the file
        }
    };
    read(kEmbeddings, [&](const Stage& stage) { stages.embeddings = read_embeddings(stage); });
    read(kLatents, [&](const Stage& stage) { stages.latents = read_latents(stage); });
    read(kInput, [&](const Stage& stage) { stages.input = stage.take("latent", 4); });
    return stages;
}

std::optional<Decoded> read_decoded(const fs::path& folder) try {
    const json content = read_job_json(folder / kDecoded);
    if (!content.is_object()) return std::nullopt;
    const auto frames = whole_number_at(content, "frames"), of = whole_number_at(content, "of");
    if (!frames || !of || *frames < 0 || *of < *frames) return std::nullopt;
    Decoded decoded{content.at("output").get<std::string>(), *frames, *of};
    media::output_kind(decoded.output);  // refuses what no film is written to
    return decoded;
} catch (const json::exception&) {
    return std::nullopt;
} catch (const InvalidRequest&) {
    return std::nullopt;
}

std::optional<JobState> look_at_job(const fs::path& folder) try {
    if (!is_job_folder(folder)) return std::nullopt;
    JobState state{.folder = folder};
    const json request = read_job_json(folder / kRequest);
    state.trouble = "request.json is damaged";
    if (!request.is_object()) return state;
    const auto width = whole_number_at(request, "width"), height = whole_number_at(request, "height"),
               frames = whole_number_at(request, "frames"), steps = whole_number_at(request, "steps");
    const auto prompt = request.find("prompt");
    if (!width || !height || !frames || !steps || prompt == request.end() || !prompt->is_string()) return state;
    state = {.folder = folder,
             .prompt = prompt->get<std::string>(),
             .width = *width,
             .height = *height,
             .film_frames = *frames,
             .text = is_file(folder / kEmbeddings),
             .steps = *steps,
             .decoded = read_decoded(folder)};
    try {
        if (is_file(folder / kLatents)) {
            const auto metadata = checkpoint::open_tensors(folder / kLatents).metadata;
            if (const auto step = metadata.find("step"); step != metadata.end())
                state.step = whole_number(step->second).value_or(0);
        }
    } catch (const Error&) {
        state.trouble = "latents.safetensors is damaged";
    }
    std::error_code error;
    for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
        std::error_code gone;  // a run that goes on renames its files meanwhile
        const auto bytes = entry->file_size(gone);
        if (!gone) state.bytes += bytes;
    }
    return state;
} catch (const InvalidRequest& error) {
    return JobState{.folder = folder, .trouble = error.what()};
}

bool is_job_folder(const fs::path& folder) {
    if (!is_folder(folder)) return false;
    const std::string text = read_text(folder / kRequest);
    return text.starts_with(kMark) || parse_json_or_discard(text).contains("t3video");
}

json front_door_of(const fs::path& folder) {
    request_of_job(folder);
    return read_job_json(folder / kFrontDoor);
}

Holder holder_of(const fs::path& folder, const json& request) {
    if (!is_there(folder)) return Holder::nobody;
    if (!is_folder(folder)) return Holder::foreign;
    if (is_job_folder(folder))
        return is_same_film(read_job_json(folder / kRequest), request) ? Holder::film : Holder::another;
    return std::ranges::all_of(entries_of(folder), is_left_by_a_killed_run) ? Holder::nobody : Holder::foreign;
}

}  // namespace t3video::job
