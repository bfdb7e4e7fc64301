// The table.
#include "training/run/fields.h"

#include <algorithm>
#include <cmath>

#include "core/error.h"
#include "core/numbers.h"
#include "core/paths.h"
#include "film/field_values.h"

namespace t3video::training {
namespace {

using film::parse;
using film::value_of;
using nlohmann::json;
using Kind = RunField::Kind;

// Completes a field that is one member of the options, which `At` finds.
template <class At>
RunField of(RunField field, At) {
    field.set = [](RunOptions& options, const Field& given) { parse(given, At()(options)); };
    field.get = [](const RunOptions& options) { return value_of(At()(options)); };
    return field;
}

// A name for each value of an enumeration.
template <class T, size_t N>
struct Names {
    std::pair<const char*, T> all[N];

    T parse(const Field& given) const {
        std::string expected;
        for (const auto& [name, value] : all) {
            if (given.value == name) return value;
            expected += concat(expected.empty() ? "" : " or ", name);
        }
        throw InvalidRequest(Message(given, ": expected ", expected));
    }
    json name_of(T value) const { return std::ranges::find(all, value, &std::pair<const char*, T>::second)->first; }
};

constexpr Names<film::Attention, 2> kAttention{{{"t3", film::Attention::t3}, {"full", film::Attention::full}}};
constexpr Names<RateOptions::Shape, 2> kShapes{
    {{"constant", RateOptions::Shape::constant}, {"cosine", RateOptions::Shape::cosine}}};
constexpr Names<RateOptions::WarmUp, 2> kWarmUps{
    {{"linear", RateOptions::WarmUp::linear}, {"third", RateOptions::WarmUp::third}}};
constexpr Names<NoiseLevelOptions::Draw, 2> kDraws{
    {{"uniform", NoiseLevelOptions::Draw::uniform}, {"logit-normal", NoiseLevelOptions::Draw::logit_normal}}};
constexpr Names<NoiseLevelOptions::Weights, 2> kWeights{
    {{"bell", NoiseLevelOptions::Weights::bell}, {"none", NoiseLevelOptions::Weights::none}}};
constexpr Names<nn::StreamPlace, 2> kPlaces{{{"device", nn::StreamPlace::device}, {"host", nn::StreamPlace::host}}};
constexpr Names<DType, 2> kTypes{{{"f32", DType::f32}, {"bf16", DType::bf16}}};
constexpr Names<ExportType, 2> kExports{{{"bf16", ExportType::bf16}, {"f32", ExportType::f32}}};

template <const auto& names, class At>
RunField named(RunField field, At) {
    field.set = [](RunOptions& options, const Field& given) { At()(options) = names.parse(given); };
    field.get = [](const RunOptions& options) { return names.name_of(At()(options)); };
    return field;
}

// "clips-720p:500": a folder, and behind its last colon the updates of its stage, unless there is a folder of that
// name.
StageChoice parse_stage(const Field& given) {
    if (is_folder(given.value)) return {given.value, 0};  // whatever its name
    const size_t colon = given.value.rfind(':');
    const std::string behind = colon == std::string::npos ? "" : given.value.substr(colon + 1);
    if (const auto updates = number_of<int64_t>(behind)) {
        require_valid(*updates > 0 && colon > 0, given, ": expected FOLDER, or FOLDER:UPDATES such as clips-720p:5000");
        return {given.value.substr(0, colon), *updates};
    }
    return {given.value, 0};
}

std::string text_of(const StageChoice& stage) {
    return stage.data.string() + (stage.updates > 0 ? concat(':', stage.updates) : "");
}

void parse_states(RunOptions& o, const Field& given) {
    require_valid(given.value == "f32" || given.value == "8bit" || given.value == "host" || given.value == "8bit-host",
                  given, ": expected f32, 8bit, host or 8bit-host");
    o.optimizer.moments_in_8_bits = given.value.starts_with("8bit");
    o.optimizer.moments_on_host = given.value.ends_with("host");
}
json states_of(const RunOptions& o) {
    const bool host = o.optimizer.moments_on_host;
    if (o.optimizer.moments_in_8_bits) return host ? "8bit-host" : "8bit";
    return host ? "host" : "f32";
}

// Two numbers with a comma between.
std::pair<double, double> parse_pair(const Field& given, const char* expected) {
    const size_t comma = given.value.find(',');
    const auto first = number_of<double>(given.value.substr(0, comma)),
               second = number_of<double>(comma == std::string::npos ? "" : given.value.substr(comma + 1));
    require_valid(first && second, given, ": expected ", expected);
    return {*first, *second};
}

// clang-format off
const std::vector<RunField>& table() {
    static const std::vector<RunField> fields = {
        of({"model", "DIR", "Model", "Model folder to begin with; it is only read (default: the bundled demo model)", Kind::path},
           [](auto& o) -> auto& { return o.model; }),
        of({"dit", "FILE", "Model", "Diffusion transformer instead of the folder's", Kind::path}, [](auto& o) -> auto& { return o.parts.dit; }),
        of({"text-encoder", "FILE", "Model", "Text encoder instead of the folder's", Kind::path},
           [](auto& o) -> auto& { return o.parts.text_encoder; }),
        of({"vae", "FILE", "Model", "VAE instead of the folder's", Kind::path}, [](auto& o) -> auto& { return o.parts.vae; }),
        of({"tokenizer", "FILE", "Model", "Tokenizer instead of the folder's", Kind::path}, [](auto& o) -> auto& { return o.parts.tokenizer; }),
        {"lora", "FILE[:WEIGHT]", "Model", "LoRA that is part of what the run begins with; again for further ones", Kind::list,
         [](RunOptions& o, const Field& given) { o.parts.loras.push_back(film::parse_lora(given)); },
         [](const RunOptions& o) {
             json all;
             for (const auto& lora : o.parts.loras) all.push_back(absolute_path(lora.file).string() + ":" + json(lora.weight).dump());
             return all;
         }},
        of({"from-scratch", "", "Model", "Begin with fresh weights of the model's sizes", Kind::flag}, [](auto& o) -> auto& { return o.from_scratch; }),
        {"data", "DIR[:UPDATES]", "Clips", "Folder of encoded clips, with the updates that it is used for; again for further stages, in turn", Kind::list,
         [](RunOptions& o, const Field& given) { o.stages.push_back(parse_stage(given)); },
         [](const RunOptions& o) {
             json all;
             for (const StageChoice& stage : o.stages) all.push_back(text_of({absolute_path(stage.data), stage.updates}));
             return all;
         }},
        of({"updates", "N", "Clips", "Updates of a stage that does not say"}, [](auto& o) -> auto& { return o.updates; }),
        of({"batch", "N", "Clips", "Clips of an update, all of one size and length"}, [](auto& o) -> auto& { return o.batch; }),
        of({"accumulate", "N", "Clips", "Batches of an update"}, [](auto& o) -> auto& { return o.accumulate; }),
        of({"together", "N", "Clips", "Clips of a batch that are computed at once: more memory, and faster where clips are small"},
           [](auto& o) -> auto& { return o.together; }),
        of({"caption-dropout", "SHARE", "Clips", "Share of clips that are shown without their caption, for guidance"},
           [](auto& o) -> auto& { return o.caption_dropout; }),
        of({"first-frame", "", "Clips", "Image to video: the first latent frame is given, and not learned", Kind::flag},
           [](auto& o) -> auto& { return o.first_frame; }),
        of({"rank", "N", "Training", "Train a LoRA of this rank; 0: all weights"}, [](auto& o) -> auto& { return o.rank; }),
        of({"alpha", "X", "Training", "Of the LoRA, whose scale is alpha / rank; 0: as the rank"}, [](auto& o) -> auto& { return o.alpha; }),
        {"target", "NAME", "Training", "Linear maps that get a LoRA, such as self_attn.q; again for further ones (default: q, k, v, o, ffn.0, ffn.2)", Kind::list,
         [](RunOptions& o, const Field& given) {
             if (o.targets == AdapterOptions().targets) o.targets.clear();
             o.targets.push_back(given.value);
         },
         [](const RunOptions& o) { return o.targets == AdapterOptions().targets ? json() : json(o.targets); }},
        of({"rate", "X", "Training", "Learning rate (default: 2e-5, of a LoRA 1e-4)"}, [](auto& o) -> auto& { return o.rate; }),
        named<kShapes>({"schedule", "TEXT", "Training", "Of the rate behind its warm-up: constant or cosine"},
                       [](auto& o) -> auto& { return o.schedule.shape; }),
        of({"least-rate", "SHARE", "Training", "Of the rate, where the cosine ends"}, [](auto& o) -> auto& { return o.schedule.least; }),
        of({"warm-up", "N", "Training", "Updates of the warm-up of each stage"}, [](auto& o) -> auto& { return o.schedule.warm_up_updates; }),
        named<kWarmUps>({"warm-up-shape", "TEXT", "Training", "linear, or third of the rate throughout, as the published code"},
                        [](auto& o) -> auto& { return o.schedule.warm_up; }),
        of({"clip", "X", "Training", "Largest norm of the gradient over all weights; 0: any"}, [](auto& o) -> auto& { return o.optimizer.clip; }),
        of({"decay", "X", "Training", "Weight decay"}, [](auto& o) -> auto& { return o.optimizer.decay; }),
        {"betas", "X,X", "Training", "Of AdamW", Kind::value,
         [](RunOptions& o, const Field& given) { std::tie(o.optimizer.beta1, o.optimizer.beta2) = parse_pair(given, "two numbers such as 0.9,0.999"); },
         [](const RunOptions& o) { return json(json(o.optimizer.beta1).dump() + "," + json(o.optimizer.beta2).dump()); }},
        of({"ema", "X", "Training", "Keep a running mean of the weights, such as 0.99, and export it; 0: none"}, [](auto& o) -> auto& { return o.optimizer.ema; }),
        named<kDraws>({"noise-levels", "TEXT", "Noise", "uniform over the shifted schedule, as T3, or logit-normal"}, [](auto& o) -> auto& { return o.noise.draw; }),
        {"logit-normal", "X,X", "Noise", "Mean and deviation of logit-normal levels; 0,1 is what others call sigmoid", Kind::value,
         [](RunOptions& o, const Field& given) { std::tie(o.noise.mean, o.noise.deviation) = parse_pair(given, "a mean and a deviation such as 0,1"); },
         [](const RunOptions& o) { return json(json(o.noise.mean).dump() + "," + json(o.noise.deviation).dump()); }},
        {"levels", "X,X", "Noise", "Part of the levels, from pure noise (0) to clean (1)", Kind::value,
         [](RunOptions& o, const Field& given) { std::tie(o.noise.from, o.noise.to) = parse_pair(given, "a part of 0,1 such as 0,0.5"); },
         [](const RunOptions& o) { return json(json(o.noise.from).dump() + "," + json(o.noise.to).dump()); }},
        of({"shift", "X", "Noise", "Above 1 towards high noise"}, [](auto& o) -> auto& { return o.noise.shift; }),
        named<kWeights>({"weights", "TEXT", "Noise", "Of the loss by level: bell, highest in the middle, as T3, or none"}, [](auto& o) -> auto& { return o.noise.weights; }),
        of({"seed", "N", "Noise", "Of noise, levels and the order of clips"}, [](auto& o) -> auto& { return o.seed; }),
        named<kAttention>({"attention", "TEXT", "Attention", "t3, or full to bring full attention back"}, [](auto& o) -> auto& { return o.attention; }),
        of({"layout", "FILE", "Attention", "Window layout; for clips of other sizes windows of its extents are planned (default: the model's t3-layout.json, else the published table)", Kind::path},
           [](auto& o) -> auto& { return o.layout; }),
        {"branches", "TEXT", "Attention", "both, or close or remote windows alone", Kind::value,
         [](RunOptions& o, const Field& given) {
             const auto branches = t3::parse_branches(given.value);
             require_valid(branches.has_value(), given, ": expected both or close or remote");
             o.branches = *branches;
         },
         [](const RunOptions& o) { return json(t3::name_of(o.branches)); }},
        {"states", "TEXT", "Memory", "Of the optimiser: f32, 8bit, host or 8bit-host", Kind::value, parse_states, states_of},
        named<kPlaces>({"streams", "TEXT", "Memory", "Where the inputs of blocks wait for the backward pass: device or host"}, [](auto& o) -> auto& { return o.streams; }),
        {"stream", "TYPE", "Memory", "In which they wait: f32 or bf16 (default: the compute type)", Kind::value,
         [](RunOptions& o, const Field& given) { o.stream = kTypes.parse(given); },
         [](const RunOptions& o) { return o.stream ? kTypes.name_of(*o.stream) : json(); }},
        of({"deterministic", "", "Memory", "The same bits every time, also on a GPU", Kind::flag}, [](auto& o) -> auto& { return o.deterministic; }),
        of({"validation", "DIR", "Watching", "Folder of encoded clips to validate on (default: up to 5 % of the data, held out)", Kind::path},
           [](auto& o) -> auto& { return o.validation; }),
        of({"validation-clips", "N", "Watching", "At most; 0: none"}, [](auto& o) -> auto& { return o.validation_clips; }),
        of({"validate-every", "N", "Watching", "Updates; 0: at the beginning and the end of a stage"}, [](auto& o) -> auto& { return o.validate_every; }),
        {"prompt", "TEXT", "Watching", "Of a sample film; again for further ones", Kind::list,
         [](RunOptions& o, const Field& given) { o.prompts.push_back(given.value); },
         [](const RunOptions& o) { return o.prompts.empty() ? json() : json(o.prompts); }},
        of({"sample-every", "N", "Watching", "Updates between sample films; 0: at the end"}, [](auto& o) -> auto& { return o.sample_every; }),
        of({"sample-steps", "N", "Watching", "Denoising steps of sample films (default: the model's)"}, [](auto& o) -> auto& { return o.sample_steps; }),
        of({"save-every", "N", "Saving", "Updates between checkpoints"}, [](auto& o) -> auto& { return o.save_every; }),
        of({"keep", "N", "Saving", "Checkpoints that are kept: the newest"}, [](auto& o) -> auto& { return o.keep; }),
        named<kExports>({"export-type", "TYPE", "Saving", "Of exported weights: bf16 or f32; a LoRA is f32"}, [](auto& o) -> auto& { return o.export_type; }),
        of({"output", "DIR", "", "Folder of the run: checkpoints, log, report, and what it exports", Kind::path}, [](auto& o) -> auto& { return o.output; }),
    };
    return fields;
}
// clang-format on

std::string text_of(const json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

std::span<const RunField> run_fields() {
    return table();
}

const RunField* find_run_field(std::string_view name) {
    const auto found = std::ranges::find(table(), name, [](const RunField& f) { return std::string_view(f.name); });
    return found == table().end() ? nullptr : &*found;
}

json fields_of(const RunOptions& options) {
    json all = json::object();
    for (const RunField& field : table()) {
        json value = field.get(options);
        if (value.is_null()) continue;
        if (field.kind == Kind::path) value = absolute_path(value.get<std::string>()).lexically_normal().string();
        all[field.name] = std::move(value);
    }
    return all;
}

RunOptions options_of(const json& fields, const std::string& where) {
    require_valid(fields.is_object(), where, ": holds no options of a run");
    RunOptions options;
    for (const auto& [name, value] : fields.items()) {
        const RunField* const found = find_run_field(name);
        require_valid(found != nullptr, where, ": has an option '", name, "' that this version does not know");
        require_valid(value.is_primitive() || found->kind == Kind::list, where, ": option '", name, "' is no value");
        for (const json& one : value.is_array() ? value : json::array({value}))
            found->set(options, Field(name, text_of(one)));
    }
    return options;
}

}  // namespace t3video::training
