// Sums over stages, and who leaves.
#include "plan/plan.h"

#include <algorithm>

#include "core/readable_bytes.h"

namespace t3video::plan {

size_t Plan::bytes() const {
    size_t most = 0;
    for (const StagePlan& stage : stages) most = std::max(most, stage.total());
    return most;
}

double Plan::seconds() const {
    double sum = 0;
    for (const StagePlan& stage : stages) sum += stage.seconds;
    return sum;
}

const StagePlan* Plan::find(const std::string& name) const {
    const auto stage = std::ranges::find(stages, name, &StagePlan::name);
    return stage == stages.end() ? nullptr : &*stage;
}

std::string Plan::about_allowed() const {
    return readable_bytes(allowed) + (limit.empty() ? "" : " (" + limit + ")");
}

std::string StagePlan::about_weights() const {
    std::string text;
    if (residency == nn::Residency::streamed) text = together ? ", weights streamed once a step" : ", weights streamed";
    if (residency == nn::Residency::packed) text = ", weights packed";
    if (cache_on_host) text += ", cache in host memory";
    if (at_most) text += ", time at most";
    return text + (ready && held > 0 ? ", ready" : "");
}

const StagePlan* Plan::too_large() const {
    for (const StagePlan& stage : stages) {
        if (stage.bytes > allowed) return &stage;
    }
    return nullptr;
}

void Plan::estimate(const Rates& rates) {
    for (StagePlan& stage : stages) {
        const bool here = stage.ready && !stage.streamed();
        const double computing = rates.seconds(stage.work),
                     uploading = rates.upload > 0 && !here ? double(stage.weights) / rates.upload : 0;
        // The host copies each frame once more, into the colours of the file, before the GPU goes on: 81 frames of
        // 3840x2160 took 2.6 s where a download of as many bytes takes 1.8.
        constexpr double kPasses = 1.5;
        const double frames = rates.download > 0 ? kPasses * double(stage.frame_bytes) / rates.download : 0;
        stage.seconds = (stage.streamed() ? std::max(computing, uploading) : computing + uploading) + frames;
    }
}

std::vector<std::string> leaving(std::span<const std::string> order, const std::string& stage,
                                 std::span<const Held> held, size_t room) {
    const auto place_of = [&](const std::string& name) {
        return static_cast<size_t>(std::ranges::find(order, name) - order.begin());
    };
    const size_t now = place_of(stage);
    size_t sum = 0;
    std::vector<std::pair<size_t, const Held*>> others;  // by how many stages come before its turn
    for (const Held& one : held) {
        if (one.stage == stage) continue;
        const size_t place = place_of(one.stage);
        // What no stage of this film uses comes last of all.
        others.emplace_back(place == order.size() ? place : (place + order.size() - now) % order.size(), &one);
        sum += one.bytes;
    }
    std::ranges::stable_sort(others, std::greater(), [](const auto& other) { return other.first; });
    std::vector<std::string> gone;
    for (const auto& [turn, one] : others) {
        if (sum <= room) break;
        gone.push_back(one->stage);
        sum -= one->bytes;
    }
    return gone;
}

size_t room_beside(const StagePlan& stage, const Machine& machine) {
    const size_t limit = machine.on_cpu() ? machine.packing : machine.allowed;
    return limit - std::min(limit, stage.bytes);
}

void count_beside(Plan& plan, const Machine& machine, std::span<const std::string> order, std::vector<Held> held) {
    for (StagePlan& stage : plan.stages) {
        for (const std::string& name : leaving(order, stage.name, held, room_beside(stage, machine)))
            std::erase_if(held, [&](const Held& one) { return one.stage == name; });
        std::erase_if(held, [&](const Held& one) { return one.stage == stage.name; });
        stage.beside = 0;
        for (const Held& one : held) stage.beside += one.bytes;
        held.push_back({stage.name, stage.held});
    }
}

}  // namespace t3video::plan
