// Allocates blocks in one range of addresses: in the first gap that has room, and neighbours that are free become one
// again. The same allocation serves the GPU's memory and the run that only counts, so what is counted is what will be
// used. It follows from the blocks in use alone, and loops soon come to repeat theirs (tensor/repeat.h), which they do
// not where the smallest gap is chosen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>

namespace t3video {

constexpr size_t kArenaAlignment = 512;

class Arena {
  public:
    explicit Arena(size_t limit) : limit_(limit) {}

    // Offset of a block of at least `bytes`, a multiple of kArenaAlignment; nothing when it would end past the limit.
    std::optional<size_t> allocate(size_t bytes);
    // Frees the block that allocate() returned.
    void free(size_t offset) noexcept;

    size_t limit() const { return limit_; }
    size_t used() const { return used_; }  // bytes in blocks
    size_t end() const;                    // first byte behind the last block
    size_t peak() const { return peak_; }  // highest end() since reset_peak()
    void reset_peak();
    // Differs, but for coincidences of 64 bits, where other blocks are in use.
    uint64_t arrangement() const { return arrangement_; }

  private:
    mutable std::mutex mutex_;
    size_t limit_, used_ = 0, peak_ = 0;
    uint64_t arrangement_ = 0;
    std::map<size_t, size_t> blocks_;  // offset -> bytes, in use
    std::map<size_t, size_t> free_;    // offset -> bytes, between blocks; a few dozen
};

}  // namespace t3video
