// From lists of clips to shards of latents and texts.
#pragma once

#include <filesystem>
#include <map>
#include <set>
#include <stop_token>
#include <string>

#include "training/data/clip_networks.h"

namespace t3video::training {

struct EncodeOptions {
    EncodeChoices choices;
    ModelDefaults model;
    std::filesystem::path output;            // folder of the shards
    size_t shard_bytes = size_t{256} << 20;  // of a shard, before it is written
    int64_t memory = 0;                      // as plan::machine_of takes it
    int64_t frame_bytes = 0;                 // that frames may take while they wait; 0: chosen by the memory
    int readers = 0;                         // threads that read clips; 0: chosen by the cores
};

// Is told how far the work is. All calls come on the thread that encodes.
class EncodeObserver {
  public:
    virtual ~EncodeObserver() = default;

    virtual void planned(const EncodingPlan& /*plan*/) {}
    // A stage of `total` units, of which so many are done; its end.
    virtual void stage(const std::string& /*name*/, int64_t /*total*/, const std::string& /*unit*/) {}
    virtual void advanced(int64_t /*done*/) {}
    virtual void stage_ended() {}
    virtual void left_out(const LeftOut& /*clip*/) {}
    virtual void note(const Message& /*line*/) {}
};

struct EncodeReport {
    int64_t items = 0;    // of the lists
    int64_t there = 0;    // of them encoded before
    int64_t done = 0;     // of them encoded now
    int64_t windows = 0;  // encoded now
    int64_t others = 0;   // clips in the folder that these lists do not ask for
    std::map<LeftOut::Kind, int64_t> left_out;
    bool stopped = false;

    // "3 cannot be read, 2 too short"; empty where nothing is left out.
    std::string about_left_out() const;
};

// Encodes what is not in the folder yet, in the lists' order: the same lists give the same shards, and a run that goes
// on behind another one the same clips. Reads clips side by side with the network, in bounded memory. Finishes the clip
// at hand and its shard once a stop is requested. Clips that cannot be encoded are told and left out.
//
// Throws InvalidRequest for choices that cannot be followed (rules_of), what does not fit into the memory
// (plan_encoding), a folder of shards that other networks made or that another run writes to, and where no clip could
// be encoded; WriteError as the disk says. Whatever it throws, finished clips are saved, if the disk takes them.
EncodeReport encode_clips(Context& ctx, const EncodingModel& model, const DataSet& set, const EncodeOptions& options,
                          EncodeObserver& observer, std::stop_token stop = {});

}  // namespace t3video::training
