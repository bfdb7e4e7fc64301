// A run as it should be.
#pragma once

#include <cstdint>
#include <string>

#include "training/report/log_entries.h"

namespace t3video::training {

// So many updates of one stage of 500, falling from 1 to 1/2, and validations that fall too.
inline Log sound_run(int64_t updates) {
    Log log;
    log.run = {.title = "A run",
               .model = "Wan2.1-T2V-1.3B",
               .device = "NVIDIA H200",
               .trained = "all weights",
               .numbers = 1418996800,
               .settings = {{"rate", "2e-05"}},
               .stages = {{.data = "clips", .updates = 500, .rate = 2e-5, .buckets = {{448, 256, 17, 120, 2240}}}},
               .planned_seconds = 500,
               .planned_bytes = double(int64_t{20} << 30)};
    for (int64_t i = 1; i <= updates; ++i) {
        log.updates.push_back({.update = i,
                               .loss = 1 - 0.5 * double(i) / double(updates),
                               .rate = 2e-5,
                               .norm = 1,
                               .seconds = i == 1 ? 30 : 1.2,
                               .memory_bytes = double(int64_t{19} << 30),
                               .epoch = double(i) / 120,
                               .sigmas = {0.25, 0.75},
                               .losses = {0.9, 0.3}});
    }
    log.validations = {{.update = 0, .clips = 8, .losses = {{0.1, 0.4}, {0.9, 0.2}}, .mean = 0.3},
                       {.update = updates, .clips = 8, .losses = {{0.1, 0.3}, {0.9, 0.19}}, .mean = 0.245}};
    log.moved = {{.update = updates, .share = 0.012}};
    return log;
}

inline bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace t3video::training
