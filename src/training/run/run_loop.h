// The updates of a run, from a checkpoint or from the beginning.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "training/report/log_entries.h"
#include "training/run/run.h"
#include "training/run/run_folder.h"
#include "training/run/sample_films.h"
#include "training/run/validation.h"

namespace t3video::training {

struct RunStage {
    StageChoice choice;
    std::unique_ptr<StageClips> clips;
    std::vector<film::LayoutChoice> windows;  // of each bucket
    int64_t first = 0, last = 0;              // updates, the last one not included
    RateOptions rate;
    ChosenClips validation;
};

class RunLoop {
  public:
    // Opens the data and chooses windows. Throws InvalidRequest for data that other networks encoded.
    RunLoop(session::Session& session, session::FileModel& model, const RunOptions& options, RunObserver& observer,
            std::stop_token stop);

    // Throws InvalidRequest where the run does not fit.
    void plan();
    nlohmann::json data_hashes() const;  // of what was encoded, for each stage, and for validation
    nlohmann::json windows() const;      // of every bucket, as text
    nlohmann::json computing() const;    // what the last bits depend on: device, type, threads

    // Goes on from the checkpoint. Writes `record`, unless it is null, once nothing stands against the run any more.
    // Throws as begin_run().
    RunResult run(const RunFolder& folder, const std::optional<Checkpoint>& from,
                  const nlohmann::json* record = nullptr);

  private:
    struct Update {
        std::vector<double> sigmas, losses;  // of each clip
        AdamW::Result result;
        double mean_loss() const;
    };

    void load_stage(const StageChoice& choice);
    // The first ones of these that are whole; the others are told, and left out of the whole run.
    std::vector<size_t> usable(const ShardSet& shards, const std::vector<size_t>& clips, int64_t most);
    void require_encoders(const ShardSet& shards, const std::filesystem::path& folder);
    // Chosen once: a file that changes while the run goes on changes nothing.
    const film::LayoutChoice& layout_of(const Grid& grid);
    const t3::LayoutWindows& windows_of(const Grid& grid, int64_t samples);
    WindowsOf windows_of_one();
    film::Film film_of(const RunStage& stage) const;
    const RunStage& stage_of(int64_t update) const;

    void start(const RunFolder& folder, const std::optional<Checkpoint>& from);
    void check_films() const;
    void log_beginning(LogWriter& log) const;
    Update take_update(const RunStage& stage, int64_t update);
    // Nothing, once told, for a clip that is broken.
    std::optional<EncodedClip> whole_clip(const ShardSet& shards, size_t i);
    // The index of a pick in the run decides on its noise, its level and whether its caption is dropped.
    std::optional<Sample> sample_at(const RunStage& stage, const Pick& pick, uint64_t index,
                                    std::vector<double>& sigmas);
    void add_group(std::vector<Sample>& group, std::vector<double>& losses);
    // What is due after so many updates, but for what `before`, an earlier part of the run, has logged of it.
    void after_update(int64_t done, const RunFolder& folder, LogWriter& log, const Log& before = {});
    void log_update(LogWriter& log, const RunStage& stage, int64_t done, const Update& update, double seconds);
    void validate_stage(const RunStage& stage, int64_t done, LogWriter& log);
    void measure_move(int64_t done, const RunFolder& folder, LogWriter& log);
    std::vector<Tensor> outputs();  // as validation's probe()
    std::vector<Tensor> outputs_before(const RunFolder& folder) const;
    void make_films(const RunStage& stage, int64_t done, const RunFolder& folder, LogWriter& log);
    void save(int64_t done, const RunFolder& folder, LogWriter* log);
    [[noreturn]] void stop_here(int64_t done, const RunFolder& folder, LogWriter& log);

    session::Session& session_;
    Context& ctx_;
    session::FileModel& model_;
    RunOptions options_;
    RunObserver& observer_;
    std::stop_token stop_;
    NoiseLevels levels_;
    int64_t cell_;  // pixels of a token
    std::vector<RunStage> stages_;
    std::optional<ShardSet> validation_;
    RunPlan plan_;
    std::unique_ptr<SampleFilms> films_;
    std::unique_ptr<Trainer> trainer_;
    std::map<std::tuple<int64_t, int64_t, int64_t>, film::LayoutChoice> layouts_;
    std::map<std::tuple<int64_t, int64_t, int64_t, int64_t>, t3::LayoutWindows> windows_;
    std::set<std::string> left_out_;  // keys of clips that are broken
    int64_t saved_ = -1;              // update of the last checkpoint
    int64_t skipped_in_a_row_ = 0;
};

}  // namespace t3video::training
