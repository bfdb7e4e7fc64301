// Shuffles that are the same everywhere.
#include "training/data/order.h"

#include <algorithm>
#include <map>
#include <random>
#include <utility>

#include "core/error.h"
#include "core/hash_normal.h"

namespace t3video::training {
namespace {

// 0..count - 1, all equally likely: draws above the last whole multiple of `count` are drawn again.
uint64_t below(uint64_t count, std::mt19937_64& random) {
    const uint64_t most = UINT64_MAX - (UINT64_MAX % count + 1) % count;
    uint64_t draw = random();
    while (draw > most) draw = random();
    return draw % count;
}

template <class T>
void shuffle(std::vector<T>& values, std::mt19937_64& random) {
    for (size_t left = values.size(); left > 1; --left) std::swap(values[left - 1], values[below(left, random)]);
}

using Buckets = std::map<int64_t, std::vector<Pick>>;

Buckets picks_of(const std::vector<OrderEntry>& entries, int64_t epoch) {
    Buckets buckets;
    for (size_t i = 0; i < entries.size(); ++i) {
        for (int64_t repeat = 0; repeat < entries[i].repeats; ++repeat) {
            buckets[entries[i].bucket].push_back({static_cast<int64_t>(i), epoch * entries[i].repeats + repeat});
        }
    }
    return buckets;
}

std::vector<Batch> order_of(const std::vector<OrderEntry>& entries, int64_t batch_size, uint64_t seed, int64_t epoch) {
    std::mt19937_64 random(mix_bits(mix_bits(seed) ^ static_cast<uint64_t>(epoch)));
    std::vector<Batch> batches;
    for (auto& [bucket, picks] : picks_of(entries, epoch)) {
        shuffle(picks, random);
        for (auto from = picks.begin(); from != picks.end();) {
            const auto to = from + std::min<std::ptrdiff_t>(batch_size, picks.end() - from);
            batches.emplace_back(from, to);
            from = to;
        }
    }
    shuffle(batches, random);
    return batches;
}

}  // namespace

DataOrder::DataOrder(std::vector<OrderEntry> entries, int64_t batch_size, uint64_t seed)
    : entries_(std::move(entries)), batch_size_(batch_size), seed_(seed) {
    require_valid(!entries_.empty(), "there are no clips to learn from");
    require_valid(batch_size >= 1, Field("batch_size", batch_size), ": expected at least 1");
    std::map<int64_t, int64_t> counts;
    for (const OrderEntry& entry : entries_) {
        require_valid(entry.repeats >= 1, Field("num_repeats", entry.repeats), ": expected at least 1");
        require_valid(entry.repeats <= kMostPicks - picks_, Field("num_repeats", entry.repeats),
                      ": an epoch has more than ", kMostPicks, " clips");
        picks_ += entry.repeats;
        counts[entry.bucket] += entry.repeats;
    }
    for (const auto& [bucket, count] : counts) batches_ += (count - 1) / batch_size + 1;
}

const Batch& DataOrder::at(int64_t position) {
    require(position >= 0, "position ", position, " in the order of clips");
    const int64_t epoch = position / batches_;
    if (epoch != epoch_) {
        order_ = order_of(entries_, batch_size_, seed_, epoch);
        epoch_ = epoch;
    }
    return order_[static_cast<size_t>(position % batches_)];
}

}  // namespace t3video::training
