// The folder of a run:
//
//     run.json                     its options, and what of the outside it depends on, by contents
//     log.jsonl, report.html       how it went
//     checkpoints/000100.safetensors   what it goes on from, after so many updates
//     base-outputs.safetensors     what the model answered before the first update
//     samples/                     sample films
//     model/ or lora/              what it exports
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <vector>

#include "training/data/folder_lock.h"

namespace t3video::training {

struct Checkpoint {
    int64_t update = 0;  // that were done
    std::filesystem::path file;
};

// Those of a run's folder that are whole, by update, ascending.
std::vector<Checkpoint> checkpoints_in(const std::filesystem::path& run);

// Throws InvalidRequest, naming the field output, for a folder in which no run can begin: it holds anything.
void check_new_run(const std::filesystem::path& folder);

// Locked as a whole while it lives, where the disk has locks.
class RunFolder {
  public:
    // A new run: makes the folder. Throws as check_new_run(), and for one that another process works in.
    static RunFolder make(const std::filesystem::path& folder);
    // One that was begun. Throws InvalidRequest for a folder without run.json.
    static RunFolder open(const std::filesystem::path& folder);

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path log() const { return path_ / "log.jsonl"; }
    std::filesystem::path base_outputs() const { return path_ / "base-outputs.safetensors"; }
    std::filesystem::path samples() const { return path_ / "samples"; }

    void write_record(const nlohmann::json& record) const;
    // Throws InvalidRequest for one that is damaged.
    nlohmann::json record() const;

    std::filesystem::path checkpoint_path(int64_t update) const;
    std::vector<Checkpoint> checkpoints() const { return checkpoints_in(path_); }
    // Removes all checkpoints but the newest `keep`, and those that were never finished.
    void prune(int64_t keep) const;

  private:
    explicit RunFolder(std::filesystem::path path);

    std::filesystem::path path_;
    std::unique_ptr<FolderLock> lock_;
};

}  // namespace t3video::training
