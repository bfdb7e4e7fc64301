// The order in which a run sees its clips.
#pragma once

#include <cstdint>
#include <vector>

namespace t3video::training {

// What can be drawn: an encoded window of a clip.
struct OrderEntry {
    int64_t repeats = 1;  // times in an epoch
    int64_t bucket = 0;   // any number: a batch holds entries of one bucket
};

struct Pick {
    int64_t entry = 0;
    int64_t turn = 0;  // how often the entry was picked before, from the run's first epoch on; of several captions that
                       // of turn modulo their count
    bool operator==(const Pick&) const = default;
};

using Batch = std::vector<Pick>;

constexpr int64_t kMostPicks = 10'000'000;  // in an epoch

// Every epoch sees every entry as often as its repeats say: shuffled within their buckets, cut into batches of which
// the last one of a bucket may be short, which are shuffled in turn. The order follows from seed, epoch and position
// alone and is the same on every machine: Fisher-Yates with draws of std::mt19937_64. An epoch's order is kept until
// another one is asked for; nothing else is remembered.
class DataOrder {
  public:
    // Throws InvalidRequest, naming the field, for no entries, a batch below 1, repeats below 1 or more than kMostPicks
    // in all.
    DataOrder(std::vector<OrderEntry> entries, int64_t batch_size, uint64_t seed);

    int64_t batches() const { return batches_; }  // in an epoch
    int64_t picks() const { return picks_; }      // in an epoch

    // The batch at `position`, counted from the run's first: epoch position / batches(), place position % batches() in
    // it. Throws Error below 0.
    const Batch& at(int64_t position);

  private:
    std::vector<OrderEntry> entries_;
    int64_t batch_size_, picks_ = 0, batches_ = 0;
    uint64_t seed_;
    int64_t epoch_ = -1;        // of `order_`
    std::vector<Batch> order_;  // of one epoch
};

}  // namespace t3video::training
