// t3video devices: what --device may name on this machine.
#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "apps/cli/commands.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/readable_bytes.h"
#include "ops/devices.h"
#include "plan/plan.h"

namespace t3video::apps {
namespace {

// With why there are no GPUs, where there are none.
struct Found {
    std::string none;
    std::vector<DeviceTraits> gpus;
    MemoryLimit memory = memory_limit();

    Found() : gpus(ops::gpus(&none)) {}
};

std::string name_of(const DeviceTraits& gpu) {
    return fmt::format("cuda:{}", gpu.id.ordinal);
}

void print_table(const Found& found) {
    const auto size = [](auto bytes) { return readable_bytes(static_cast<int64_t>(bytes)); };
    fmt::print("{:<8}{}, {} threads, {} allowed{}\n", "cpu", processor_name(), available_threads(),
               size(found.memory.bytes), found.memory.reason.empty() ? "" : " (" + found.memory.reason + ")");
    for (const DeviceTraits& gpu : found.gpus) {
        const auto free = ops::free_memory(gpu.id);
        fmt::print("{:<8}{}, {}, {} free, compute capability {}.{}, {} multiprocessors\n", name_of(gpu), gpu.name,
                   size(gpu.memory), free ? size(*free) : "unknown", gpu.major, gpu.minor, gpu.multiprocessors);
    }
    if (found.gpus.empty()) fmt::print("{:<8}{}\n", "cuda", found.none);
}

void print_json(const Found& found) {
    nlohmann::json all{{"cpu",
                        {{"name", processor_name()},
                         {"threads", available_threads()},
                         {"allowed_bytes", found.memory.bytes},
                         {"limit", found.memory.reason}}},
                       {"gpus", nlohmann::json::array()}};
    for (const DeviceTraits& gpu : found.gpus) {
        const auto free = ops::free_memory(gpu.id);
        all["gpus"].push_back({{"device", name_of(gpu)},
                               {"name", gpu.name},
                               {"bytes", gpu.memory},
                               {"free_bytes", free ? nlohmann::json(*free) : nlohmann::json()},
                               {"compute_capability", fmt::format("{}.{}", gpu.major, gpu.minor)},
                               {"multiprocessors", gpu.multiprocessors}});
    }
    if (found.gpus.empty()) all["no_gpus"] = found.none;
    fmt::print("{}\n", all.dump(2));
}

}  // namespace

void add_devices(CLI::App& program, Action& chosen) {
    auto* command = program.add_subcommand("devices", "List what --device may name here, with memory and capability");
    const auto json = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "Print JSON");
    command->callback([&chosen, json] { chosen = [json] { (*json ? print_json : print_table)(Found()); }; });
}

}  // namespace t3video::apps
