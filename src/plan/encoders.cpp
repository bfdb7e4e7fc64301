// Runs both encoders on contexts that count.
#include "plan/encoders.h"

#include <vector>

#include "models/wan_dit/config.h"

namespace t3video::plan {

StagePlan plan_text(const std::string& name, const models::Umt5& encoder, int64_t prompts, const Machine& machine,
                    const Poll& poll) {
    const auto run = [&](Context& ctx, const models::Umt5& network) {
        const std::vector<int64_t> ids(static_cast<size_t>(models::kTextRows), 0);
        const Work before = ctx.work();
        network.forward(ctx, ids);
        return (ctx.work() - before) * static_cast<double>(prompts - 1);
    };
    StagePlan stage = streamed_where_it_must(
        machine, prompts, [&](nn::Residency residency) { return count(name, machine, poll, encoder, residency, run); });
    if (machine.on_cpu()) stage.bytes += machine.input_bytes;
    return crossing(stage, prompts);
}

StagePlan plan_encode(const std::string& name, const models::WanVae& vae, int64_t frames, int64_t height, int64_t width,
                      const Machine& machine, const Poll& poll) {
    const auto run = [&](Context& ctx, const models::WanVae& network) {
        network.encode(ctx, frames, height, width, [&](int64_t, int64_t count) {
            return empty(ctx, {count, height, width, 3});
        });
        return Work();
    };
    return packed_where_it_pays(machine, frames, [&](nn::Residency residency) {
        StagePlan stage = count(name, machine, poll, vae, residency, run, models::WanVae::Half::encoder);
        if (machine.on_cpu()) stage.bytes += machine.input_bytes;
        return stage;
    });
}

}  // namespace t3video::plan
