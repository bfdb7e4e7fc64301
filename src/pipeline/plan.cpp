// Plans a film by running it on a context that only counts.
#include "pipeline/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <optional>

#include "core/interrupt.h"
#include "core/log.h"
#include "core/memory.h"
#include "ops/levels.h"
#include "pipeline/decode_budget.h"
#include "pipeline/embed.h"
#include "pipeline/stages.h"

namespace t3video::pipeline {
namespace {

// Blocks of a GPU's memory fill one another's gaps; prompts of other lengths than counted, and kernels that take less,
// have them lie otherwise. Up to 17 MiB more were seen.
constexpr size_t kOtherPlacement = size_t{64} << 20;

// Frames that an H.264 encoder holds, 1.5 bytes per pixel each.
constexpr int64_t kFramesInEncoder = 60;

template <class Model>
size_t weight_bytes(Model& model, const Machine& machine) {
    if (machine.on_cpu()) return 0;
    size_t bytes = 0;
    model.for_each_param("", [&](const auto&, const nn::Param& param) {
        if (param.role == nn::Role::table) return;
        bytes += param.value.encoding()  // decoded in host memory
                     ? static_cast<size_t>(param.value.numel()) * size_of(machine.compute_type)
                     : param.value.bytes();
    });
    return bytes;
}

// What encodings keep beside the mapped files, such as the matrices of a LoRA.
size_t copied_bytes(models::WanDit model) {
    size_t bytes = 0;
    model.for_each_param("", [&](const auto&, const nn::Param& param) { bytes += param.value.copied_bytes(); });
    return bytes;
}

// One stage on a context of its own. `run` returns the work of what it did not repeat.
template <class Model, class Run, class... Part>
StagePlan count(const std::string& name, const Machine& machine, Model model, nn::Keep keep, Run&& run, Part... part) {
    Context ctx = make_meta_context(machine.compute_type, machine.device);
    ctx.set_poll(stop_planning_if_asked);
    StagePlan stage{.name = name, .weights = weight_bytes(model, machine), .keep = keep};
    const Work repeated = run(ctx, nn::kept(ctx, std::move(model), keep, part...));
    stage.work = ctx.work();
    stage.work += repeated;
    stage.bytes = ctx.allocator().peak() + machine.taken + (machine.on_cpu() ? 0 : kOtherPlacement);
    return stage;
}

// stage(keep) of weights that are used so many times: on the CPU prepared once, where they fit and that pays.
template <class Stage>
StagePlan packed_where_it_pays(const Machine& machine, int64_t uses, Stage&& stage) {
    constexpr int64_t kOften = 4;  // preparing takes about as long as two conversions
    StagePlan placed = stage(nn::Keep::placed);
    if (!machine.on_cpu() || uses < kOften || placed.bytes > machine.packing) return placed;
    StagePlan packed = stage(nn::Keep::packed);
    return packed.bytes <= machine.packing ? packed : placed;
}

// Each layer is used `uses` times. On a GPU with all weights there, or, where that does not fit, streamed.
template <class Model, class Run>
StagePlan plan_layers(const std::string& name, const Machine& machine, const Model& model, int64_t uses, Run&& run) {
    const auto stage = [&](nn::Keep keep) { return count(name, machine, model, keep, run); };
    StagePlan first = packed_where_it_pays(machine, uses, stage);
    return machine.on_cpu() || first.bytes <= machine.allowed ? first : stage(nn::Keep::streamed);
}

// Streamed weights cross to the GPU so many times.
StagePlan crossing(StagePlan stage, int64_t times) {
    if (stage.streamed()) stage.weights *= static_cast<size_t>(times);
    return stage;
}

// Prompts are taken at their longest.
StagePlan plan_text(const Models& models, const Film& film, const Machine& machine) {
    const int64_t prompts = film.settings.cfg != 1.0 ? 2 : 1;
    const auto run = [&](Context& ctx, const models::Umt5& encoder) {
        const std::vector<int64_t> ids(static_cast<size_t>(kTextRows), 0);
        for (int64_t i = 0; i < prompts; ++i) encoder.forward(ctx, ids);
        return Work();
    };
    return crossing(plan_layers("text", machine, models.text_encoder, prompts, run), prompts);
}

// Of an image one frame, of a video all.
int64_t encoded_frames(const Film& film) {
    return film.settings.source == Source::image ? 1 : film.settings.frames;
}

StagePlan plan_encode(const Models& models, const Film& film, const Machine& machine) {
    const FramePlan& size = film.frames;
    const auto run = [&](Context& ctx, const models::WanVae& vae) {
        vae.encode(ctx, encoded_frames(film), size.height, size.width, [&](int64_t, int64_t frames) {
            return empty(ctx, {frames, size.height, size.width, 3});
        });
        return Work();
    };
    return packed_where_it_pays(machine, encoded_frames(film), [&](nn::Keep keep) {
        StagePlan stage = count("encode", machine, models.vae, keep, run, models::WanVae::Half::encoder);
        if (machine.on_cpu()) stage.bytes += machine.reading;
        return stage;
    });
}

// Experts take turns, so that the first stands for all.
StagePlan plan_denoise(const Models& models, const Film& film, const Machine& computing, int64_t steps_done) {
    Machine machine = computing;
    if (machine.on_cpu()) machine.taken += t3::list_bytes(film.attention.layout);
    const bool guided = film.settings.cfg != 1.0;
    const int64_t steps = film.settings.steps - steps_done, branches = guided ? 2 : 1;
    bool together = false;
    const auto run = [&](Context& ctx, const models::WanDit& dit) {
        const Tensor x = empty(ctx, latent_shape(film, models.vae.config())),
                     rows = unbacked({kTextRows - 1, dit.config().text_dim}, DType::f32);
        // After this many steps a solver's memory is full, and all further steps are alike.
        constexpr int64_t kEnough = 4;
        const int64_t counted = std::min(steps, kEnough);
        const auto schedule =
            solver_of(film.settings)
                .schedule({.steps = counted, .shift = film.settings.shift, .strength = film.settings.strength});
        Tensor first_frame;
        if (film.settings.source == Source::image) first_frame = empty(ctx, {x.dim(0), 1, x.dim(2), x.dim(3)});
        Work before_last = ctx.work();
        const auto observe = [&](const sampling::SampleState& state) {
            if (state.step == counted - 1) before_last = ctx.work();
        };
        denoise_film(ctx, dit, film, {rows, guided ? rows : Tensor()}, schedule, {.x = x},
                     {.together = together, .first_frame = first_frame, .observer = observe});
        return (ctx.work() - before_last) * double(steps - counted);
    };
    // Layers are asked for the keys and values of the prompts, which they all give in one walk, and then in every step.
    const StagePlan stage = plan_layers("denoise", machine, models.dit(), branches * (steps + 1), run);
    if (guided && stage.streamed()) {
        together = true;
        StagePlan both = count("denoise", machine, models.dit(), nn::Keep::streamed, run);
        both.together = true;
        if (both.bytes <= machine.allowed) return crossing(both, 1 + steps);
    }
    return crossing(stage, 1 + steps * branches);
}

StagePlan plan_decode_in_bands(const models::WanVae& model, const Shape& latent, const Machine& machine,
                               int64_t band_rows, nn::Keep keep) {
    const auto run = [&](Context& ctx, const models::WanVae& vae) {
        const auto sink = [&](const Tensor& frames, int64_t, int64_t) { ops::to_levels(ctx, frames); };
        vae.decode(ctx, empty(ctx, latent), sink, {.band_rows = band_rows});
        return Work();
    };
    StagePlan stage = count("decode", machine, model, keep, run, models::WanVae::Half::decoder);
    if (machine.on_cpu()) {
        const int64_t frames = 1 + (latent[1] - 1) * model.config().stride_t(), cell = model.config().stride_hw();
        const int64_t pixels = latent[2] * latent[3] * cell * cell;
        if (band_rows > 0) stage.bytes += static_cast<size_t>(frames * pixels * 3 * machine.sample_bytes);
        const int64_t encoded = std::min<int64_t>(machine.sample_bytes, 2);
        stage.bytes += static_cast<size_t>(std::min(frames, kFramesInEncoder) * pixels * 3 / 2 * encoded);
        stage.bytes += static_cast<size_t>(machine.encoder_bytes);
    }
    return stage;
}

// Looks for films that fit, and says so where it takes longer than people wait without a word.
class Search {
  public:
    Search(const Models& models, const Film& film, const Machine& machine, const FilmMaker& make)
        : models_(models), film_(film), machine_(machine), make_(make) {}

    // The options that make the film fit by its length: the most frames, fewer than it has. Empty if there are none.
    std::string shorter() {
        const auto& s = film_.settings;
        std::string options;
        int64_t good = -1, bad = (s.frames - 1) / 4;  // in latent frames after the first
        while (bad - good > 1) {
            const int64_t middle = good + (bad - good) / 2;
            const Film film = make_(s.width, s.height, 4 * middle + 1);
            const bool fitting = fits(film);
            if (fitting) options = fmt::format("--frames {}{}", film.settings.frames, attention(film));
            (fitting ? good : bad) = middle;
        }
        return options;
    }

    // By its size: the next smaller one, in eighths of the sides.
    std::string smaller() {
        const auto& s = film_.settings;
        const int64_t cell = models_.traits().cell;
        for (int64_t eighths = 7; eighths >= 1; --eighths) {
            const auto side = [&](int64_t whole) { return std::max(cell, whole * eighths / 8 / cell * cell); };
            const Film film = make_(side(s.width), side(s.height), s.frames);
            if (fits(film))
                return fmt::format("--size {}x{}{}", film.settings.width, film.settings.height, attention(film));
        }
        return {};
    }

  private:
    bool fits(const Film& film) {
        if (!said_ && Clock::now() - start_ > std::chrono::seconds(1)) {
            said_ = true;
            log_info("Does not fit; looking for what would ...");
        }
        // The text is the same for every film.
        return plan_film(models_, film, machine_, {.text = true}).too_large() == nullptr;
    }
    // What else to ask for where windows are known for the film's own grid only.
    const char* attention(const Film& film) const {
        const bool all = film.attention.layout.patterns == t3::full_attention({}).patterns,
                   all_before = film_.attention.layout.patterns == t3::full_attention({}).patterns;
        return all && !all_before ? " --attention full" : "";
    }

    using Clock = std::chrono::steady_clock;

    const Models& models_;
    const Film& film_;
    const Machine& machine_;
    const FilmMaker& make_;
    Clock::time_point start_ = Clock::now();
    bool said_ = false;
};

// In words, as exact as it takes to tell it from `other`.
std::string exact_bytes(size_t bytes, size_t other) {
    const auto mib = [](size_t b) { return (b + (size_t{1} << 20) - 1) >> 20; };
    if (readable_bytes(bytes) != readable_bytes(other)) return readable_bytes(bytes);
    return mib(bytes) != mib(other) ? fmt::format("{} MiB", mib(bytes)) : fmt::format("{} bytes", bytes);
}

std::string in_brackets(const std::string& text) {
    return text.empty() ? "" : " (" + text + ")";
}

}  // namespace

std::string readable_bytes(size_t bytes) {
    constexpr double kMiB = double(1 << 20), kGiB = double(1 << 30);
    if (double(bytes) < kGiB) return fmt::format("{:.0f} MiB", std::ceil(double(bytes) / kMiB));
    return fmt::format("{:.1f} GiB", std::ceil(double(bytes) / kGiB * 10) / 10);
}

void stop_planning_if_asked() {
    stop_if_interrupted("stopped while planning");
}

Machine machine_of(Context& ctx, int64_t memory) {
    Machine m{.device = ctx.traits(), .compute_type = ctx.compute_type()};
    m.decode_budget = decode_budget(ctx, memory);
    if (ctx.device() == Device::cpu) {
        const MemoryLimit limit = memory_limit();
        // Of the machine's memory, unlike of a limit, swapping gives more.
        const bool asked = memory > 0 && (memory <= limit.bytes || limit.reason.empty());
        m.allowed = static_cast<size_t>(asked ? memory : limit.bytes);
        if (!asked) m.limit = limit.reason;
        m.packing = memory > 0 ? m.allowed : m.allowed / 2;  // what is available changes while a film is made
        m.taken = kProgram;
        return m;
    }
    Allocator& allocator = ctx.allocator();
    allocator.reset_peak();
    m.allowed = allocator.limit() + allocator.set_aside();
    m.taken = allocator.peak() + allocator.set_aside();
    return m;
}

size_t Plan::bytes() const {
    size_t most = 0;
    for (const StagePlan& stage : stages) most = std::max(most, stage.bytes);
    return most;
}

double Plan::seconds() const {
    double sum = 0;
    for (const StagePlan& stage : stages) sum += stage.seconds;
    return sum;
}

bool Plan::has(const std::string& stage) const {
    return std::ranges::find(stages, stage, &StagePlan::name) != stages.end();
}

std::string Plan::about_allowed() const {
    return readable_bytes(allowed) + in_brackets(limit);
}

std::string StagePlan::about_weights() const {
    if (keep == nn::Keep::streamed) return together ? ", weights streamed once a step" : ", weights streamed";
    return keep == nn::Keep::packed ? ", weights packed" : "";
}

nn::Keep Plan::keep(const std::string& name) const {
    const auto stage = std::ranges::find(stages, name, &StagePlan::name);
    return stage == stages.end() ? nn::Keep::placed : stage->keep;
}

bool Plan::together(const std::string& name) const {
    return std::ranges::any_of(stages, [&](const StagePlan& s) { return s.name == name && s.together; });
}

const StagePlan* Plan::too_large() const {
    for (const StagePlan& stage : stages) {
        if (stage.bytes > allowed) return &stage;
    }
    return nullptr;
}

void Plan::estimate(const Rates& rates) {
    for (StagePlan& stage : stages) {
        const double computing = rates.seconds(stage.work),
                     uploading = rates.upload > 0 ? double(stage.weights) / rates.upload : 0;
        stage.seconds = stage.streamed() ? std::max(computing, uploading) : computing + uploading;
    }
}

// Fewer, taller bands keep the device busier: as few as fit the budget. Where none do, those that take the least, which
// for a long film may be one: bands leave rows of all frames to one another.
StagePlan plan_decode(const models::WanVae& vae, const Shape& latent, const Machine& machine, int64_t& band_rows) {
    // The last band is 13 rows of the latent high or more, so that lower ones would save no memory.
    const int64_t cell = vae.config().stride_hw(), rows = latent[2], limit = std::max<int64_t>(1, rows / 8);
    const size_t budget = std::min(machine.allowed, static_cast<size_t>(machine.decode_budget) + machine.taken);
    std::optional<StagePlan> best;
    const auto fits = [&](int64_t bands) {
        const int64_t height = bands == 1 ? 0 : (rows + bands - 1) / bands * cell;
        StagePlan stage = plan_decode_in_bands(vae, latent, machine, height, nn::Keep::placed);
        const bool fitting = stage.bytes <= budget;
        if (fitting || !best || stage.bytes < best->bytes) {
            band_rows = height;
            best = std::move(stage);
        }
        return fitting;
    };
    const auto in_best_bands = [&] {
        return packed_where_it_pays(machine, latent[1], [&](nn::Keep keep) {
            return keep == nn::Keep::placed ? *best : plan_decode_in_bands(vae, latent, machine, band_rows, keep);
        });
    };
    int64_t most = 1;
    while (!fits(most)) {
        if (most == limit) return in_best_bands();
        most = std::min(2 * most, limit);
    }
    for (int64_t fewest = most / 2 + 1; fewest < most;) {  // those before do not fit
        const int64_t middle = (fewest + most) / 2;
        if (fits(middle)) {
            most = middle;
        } else {
            fewest = middle + 1;
        }
    }
    return in_best_bands();
}

Plan plan_film(const Models& models, const Film& film, const Machine& computing, const Done& done) {
    Machine machine = computing;
    if (machine.on_cpu())
        for (const Expert& expert : models.experts) machine.taken += copied_bytes(expert.dit);
    Plan plan{.allowed = machine.allowed, .limit = machine.limit};
    if (!done.text) plan.stages.push_back(plan_text(models, film, machine));
    const bool from_start = done.steps == 0, to_do = done.steps < film.settings.steps;
    const bool wants_input = film.settings.source == Source::image ? to_do : from_start;
    if (film.settings.takes_latent() && wants_input && !done.encode)
        plan.stages.push_back(plan_encode(models, film, machine));
    if (to_do) plan.stages.push_back(plan_denoise(models, film, machine, done.steps));
    plan.stages.push_back(plan_decode(models.vae, latent_shape(film, models.vae.config()), machine, plan.band_rows));
    return plan;
}

void reserve(Context& ctx, const Plan& plan, const std::string& name) {
    Allocator& allocator = ctx.allocator();
    for (const StagePlan& stage : plan.stages) {
        if (stage.name == name) allocator.reserve(stage.bytes - std::min(stage.bytes, allocator.set_aside()));
    }
}

void require_fits(const Plan& plan, const Models& models, const Film& film, const Machine& machine,
                  const FilmMaker& make) {
    const StagePlan* stage = plan.too_large();
    if (stage == nullptr) return;
    const auto& s = film.settings;
    std::string advice;
    if (stage->name != "text") {  // which is the same for every film
        Search search(models, film, machine, make);
        advice = search.shorter();
        if (const std::string smaller = search.smaller(); !smaller.empty())
            advice += (advice.empty() ? "" : ", or ") + smaller;
    }
    if (advice.empty()) {
        const char* const more = !plan.limit.empty() ? "raise that limit"
                                 : machine.on_cpu()  ? "allow more with --memory, or use a machine that has more"
                                                     : "allow more with --memory, or use a larger GPU, or --device cpu";
        advice = concat("no smaller film; ", more);
    }
    throw InvalidRequest(fmt::format("{} of {}x{}, {} frames, needs {}, but {} may be used; what fits: {}", stage->name,
                                     s.width, s.height, s.frames, exact_bytes(stage->bytes, plan.allowed),
                                     exact_bytes(plan.allowed, stage->bytes) + in_brackets(plan.limit), advice));
}

}  // namespace t3video::pipeline
