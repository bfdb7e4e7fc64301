// What a film will take, before it is made: each stage's networks run once without arithmetic, on a context that counts
// FLOP and memory as the real run would need them.
#pragma once

#include <algorithm>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "nn/layer_store.h"
#include "plan/machine.h"
#include "plan/rates.h"

namespace t3video::plan {

struct StagePlan {
    std::string name;
    Work work;
    size_t weights = 0;      // bytes that cross to the GPU; on the CPU they stay in the mapped files
    size_t frame_bytes = 0;  // of frames that come back from it, to be written
    // Streamed where all layers do not fit on the GPU, packed where they fit the CPU's memory.
    nn::Residency residency = nn::Residency::resident;
    bool together = false;       // of streamed ones: each crosses once for both branches of guidance, not twice
    bool cache_on_host = false;  // of a step cache: it remembers in pinned host memory what has no room on the GPU
    bool at_most = false;        // a step cache decides on its way what is skipped: this is without it
    bool ready = false;          // the weights wait prepared so, from a film before
    size_t held = 0;             // bytes that prepared weights take while they wait between films
    size_t bytes = 0;            // at most in use at once, Machine::taken and `held` included
    size_t beside = 0;           // bytes of other networks that stay prepared meanwhile: count_beside()
    int64_t band_rows = 0;       // of decoding, or of previews: models::DecodeOptions
    double seconds = 0;          // from Plan::estimate

    size_t total() const { return bytes + beside; }
    bool streamed() const { return residency == nn::Residency::streamed; }
    // For people, behind the stage's figures; empty where there is nothing to tell.
    std::string about_weights() const;
};

struct Plan {
    std::vector<StagePlan> stages;  // in their order, without those that are done
    size_t allowed = 0;
    std::string limit;  // as Machine's

    size_t bytes() const;  // at most in use, by any stage and what stays prepared beside it
    double seconds() const;
    // Null where the stage is done.
    const StagePlan* find(const std::string& stage) const;
    // "22.3 GiB", or "203 MiB (what the memory cgroup's limit of 300 MiB leaves)".
    std::string about_allowed() const;
    // The first stage that does not fit; null if all do.
    const StagePlan* too_large() const;
    void estimate(const Rates& rates);
};

// Weights that wait prepared for later films.
struct Held {
    std::string stage;  // whose network they are of
    size_t bytes = 0;
};

// Who leaves before this stage runs, so that at most `room` bytes stay held beside it: those whose next turn comes
// last first. The stages of a film, which the next one repeats, are all of `order`.
std::vector<std::string> leaving(std::span<const std::string> order, const std::string& stage,
                                 std::span<const Held> held, size_t room);

// Bytes that may stay held beside a stage.
size_t room_beside(const StagePlan& stage, const Machine& machine);

// Fills in StagePlan::beside: of what is held before the film, and of what its stages come to hold, as far as it does
// not leave.
void count_beside(Plan& plan, const Machine& machine, std::span<const std::string> order, std::vector<Held> held);

// What planning polls while networks run (Context::set_poll); may throw to end it.
using Poll = std::function<void()>;

template <class Network>
size_t weight_bytes(Network& network, const Machine& machine) {
    if (machine.on_cpu()) return 0;
    size_t bytes = 0;
    network.for_each_param("", [&](const auto&, const nn::Param& param) {
        if (param.role == nn::Role::table) return;
        bytes += param.value.encoding()  // decoded in host memory
                     ? static_cast<size_t>(param.value.numel()) * size_of(machine.compute_type)
                     : param.value.bytes();
    });
    return bytes;
}

// Of a GPU's memory: blocks fill one another's gaps; prompts of other lengths than counted, and kernels that take less,
// have them lie otherwise. Up to 17 MiB more were seen.
constexpr size_t kOtherPlacement = size_t{64} << 20;

// Counts one stage on a context of its own. Where `run` runs a part of alike steps only, it returns the work of the
// rest.
template <class Network, class Run, class... Part>
StagePlan count(const std::string& name, const Machine& machine, const Poll& poll, Network network,
                nn::Residency residency, Run&& run, Part... part) {
    Context ctx = make_meta_context(machine.compute_type, machine.device);
    ctx.set_poll(poll);
    StagePlan stage{.name = name, .weights = weight_bytes(network, machine), .residency = residency};
    const Network prepared = nn::prepared(ctx, std::move(network), residency, part...);
    const size_t preparing = ctx.allocator().peak();
    ctx.allocator().reset_peak();
    stage.held = ctx.allocator().peak();
    const Work repeated = run(ctx, prepared);
    stage.work = ctx.work();
    stage.work += repeated;
    stage.bytes = std::max(preparing, ctx.allocator().peak()) + machine.taken;
    if (!machine.on_cpu()) stage.bytes += kOtherPlacement;
    return stage;
}

// stage(residency) of weights that are used so many times: on the CPU prepared once, where they fit and that pays.
template <class Stage>
StagePlan packed_where_it_pays(const Machine& machine, int64_t uses, Stage&& stage) {
    constexpr int64_t kOften = 4;  // preparing takes about as long as two conversions
    StagePlan resident = stage(nn::Residency::resident);
    if (!machine.on_cpu() || uses < kOften || resident.bytes > machine.packing) return resident;
    StagePlan packed = stage(nn::Residency::packed);
    return packed.bytes <= machine.packing ? packed : resident;
}

// Each layer is used `uses` times. On a GPU with all weights there, or, where that does not fit, streamed.
template <class Stage>
StagePlan streamed_where_it_must(const Machine& machine, int64_t uses, Stage&& stage) {
    StagePlan first = packed_where_it_pays(machine, uses, stage);
    return machine.on_cpu() || first.bytes <= machine.allowed ? first : stage(nn::Residency::streamed);
}

// Streamed weights cross to the GPU so many times.
inline StagePlan crossing(StagePlan stage, int64_t times) {
    if (stage.streamed()) stage.weights *= static_cast<size_t>(times);
    return stage;
}

}  // namespace t3video::plan
