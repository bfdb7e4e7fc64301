// Models, memory, and the walk through the stages.
#include "session/session.h"

#include <algorithm>

#include "core/error.h"
#include "media/frame_writer.h"

namespace t3video::session {
namespace {

// Whether both are the same files, their LoRAs with the same weights.
bool is_same(const film::ModelFiles& a, const film::ModelFiles& b) {
    return a.folder == b.folder && a.all() == b.all() && a.decoder_latents == b.decoder_latents &&
           std::ranges::equal(a.loras, b.loras, {}, &checkpoint::Lora::weight, &checkpoint::Lora::weight);
}

}  // namespace

void stop_early(const std::stop_token& stop) {
    if (stop.stop_requested()) throw Stopped(Message("stopped before anything was made"));
}

Session::Session(Context ctx, int64_t memory, Lifetime lifetime)
    : ctx_(std::move(ctx)), memory_(memory), lifetime_(lifetime), taken_(plan::machine_of(ctx_, memory).taken) {}

FileModel& Session::open(film::ModelFiles files, const std::function<film::Networks()>& load) {
    constexpr size_t kOpen = 4;  // mappings cost addresses and no memory
    std::erase_if(models_, [&](const auto& model) {
        const bool gone = !model->is_current();
        if (gone) shelf_.drop(*model);
        return gone;
    });
    const auto found = std::ranges::find_if(models_, [&](const auto& model) { return is_same(model->files(), files); });
    if (found != models_.end()) {
        std::rotate(found, found + 1, models_.end());
        return *models_.back();
    }
    if (models_.size() >= kOpen) {
        shelf_.drop(*models_.front());
        models_.erase(models_.begin());
    }
    film::Networks networks = load();
    models_.push_back(std::make_unique<FileModel>(std::move(files), std::move(networks)));
    return *models_.back();
}

FileModel& Session::open(const film::Request& request) {
    film::ModelFiles files =
        film::find_model(request.model.empty() ? film::demo_model_folder() : request.model, request.parts);
    return open(files, [&] { return film::load_networks(files); });
}

const plan::Rates& Session::rates() {
    if (!rates_) rates_ = plan::rates_of(ctx_, plan::rates_file());
    return *rates_;
}

plan::Machine Session::machine() const {
    plan::Machine machine = plan::machine_of(ctx_, memory_, shelf_.bytes());
    machine.taken = taken_;
    return machine;
}

plan::Machine Session::machine(const media::FilmFormat& output) const {
    plan::Machine machine = this->machine();
    machine.sample_bytes = media::bytes_of(output.samples);
    machine.encoder_bytes = media::encoder_bytes(output);
    return machine;
}

plan::Plan Session::plan(const Model& model, const film::Film& film, const Material& material,
                         const plan::Machine& machine, const plan::Poll& poll) const {
    plan::Plan plan = plan_film(model.networks(), film, material, machine, poll);
    count_beside(plan, machine);
    for (plan::StagePlan& stage : plan.stages) stage.ready = shelf_.has(model, stage.name, stage.residency);
    return plan;
}

void Session::count_beside(plan::Plan& plan, const plan::Machine& machine) const {
    if (lifetime_ == Lifetime::many_films) plan::count_beside(plan, machine, order_of_stages(), shelf_.held());
}

void Session::make_room(const Model& model, const plan::StagePlan& stage) {
    const std::vector<std::string> order = order_of_stages();
    const plan::Machine machine = this->machine();
    const size_t room = lifetime_ == Lifetime::one_film ? 0 : plan::room_beside(stage, machine);
    for (const std::string& name : plan::leaving(order, stage.name, shelf_.held(), room)) shelf_.drop(name);
    Allocator& allocator = ctx_.allocator();
    ctx_.trim();
    if (machine.on_cpu()) return;
    // Blocks of what is held may lie anywhere: the stage fits as it was planned above the last of them, or more goes.
    const auto end_needed = [&] {
        allocator.reset_peak();
        const size_t own = shelf_.has(model, stage.name, stage.residency) ? stage.held : 0;
        return allocator.peak() + stage.bytes - std::min(stage.bytes, taken_ + own);
    };
    for (const std::string& name : plan::leaving(order, stage.name, shelf_.held(), 0)) {
        if (end_needed() <= allocator.limit()) break;
        shelf_.drop(name);
    }
    if (end_needed() > allocator.limit()) shelf_.drop(stage.name);
    allocator.trim();
    allocator.reserve(std::min(end_needed(), allocator.limit()));
}

void Session::run(const Model& model, const film::Film& film, const plan::Plan& plan, Material& material, Watch& watch,
                  media::Samples samples) {
    for (const auto& stage : stages()) {
        const plan::StagePlan* const planned = plan.find(stage->name());
        if (!planned) continue;
        make_room(model, *planned);
        StageRun run{ctx_, shelf_, model, film, *planned, material, watch, samples};
        stage->run(run);
        // Stages ask for blocks of different sizes: what one leaves in the pool is of no use to the next.
        ctx_.trim();
    }
}

void Session::rest() {
    for (const plan::Held& held : shelf_.held()) shelf_.drop(held.stage);
    ctx_.trim();
}

}  // namespace t3video::session
