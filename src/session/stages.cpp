// The sequence.
#include "session/stages.h"

namespace t3video::session {
namespace {

// What encodings keep beside the mapped files, such as the matrices of a LoRA.
size_t copied_bytes(models::WanDit dit) {
    size_t bytes = 0;
    dit.for_each_param("", [&](const auto&, const nn::Param& param) { bytes += param.value.copied_bytes(); });
    return bytes;
}

}  // namespace

std::span<const std::unique_ptr<Stage>> stages() {
    static const std::unique_ptr<Stage> all[] = {text_stage(), encode_stage(), denoise_stage(), decode_stage()};
    return all;
}

std::vector<std::string> order_of_stages() {
    std::vector<std::string> names;
    for (const auto& stage : stages()) names.emplace_back(stage->name());
    return names;
}

plan::Plan plan_film(const film::Networks& networks, const film::Film& film, const Material& material,
                     const plan::Machine& computing, const plan::Poll& poll) {
    plan::Machine machine = computing;
    if (machine.on_cpu())
        for (const film::Expert& expert : networks.experts) machine.taken += copied_bytes(expert.dit);
    plan::Plan plan{.allowed = machine.allowed, .limit = machine.limit};
    for (const auto& stage : stages()) {
        if (stage->is_due(film, material)) plan.stages.push_back(stage->plan(networks, film, material, machine, poll));
    }
    return plan;
}

}  // namespace t3video::session
