// Places blocks in one range of addresses: best fit, and neighbours that are free become one again. The same placement
// serves the GPU's memory and the run that only counts, so what is counted is what will be used.
#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>

namespace t3video {

constexpr size_t kArenaAlignment = 512;

class Arena {
  public:
    explicit Arena(size_t limit) : limit_(limit) {}

    // Offset of a block of at least `bytes`, a multiple of kArenaAlignment; nothing when it would end past the limit.
    std::optional<size_t> take(size_t bytes);
    // Gives back the block that take() put there.
    void give(size_t offset) noexcept;

    size_t limit() const { return limit_; }
    size_t used() const { return used_; }  // bytes in blocks
    size_t end() const;                    // first byte behind the last block
    size_t peak() const { return peak_; }  // highest end() since reset_peak()
    void reset_peak();

  private:
    mutable std::mutex mutex_;
    size_t limit_, used_ = 0, peak_ = 0;
    std::map<size_t, size_t> blocks_;           // offset -> bytes, in use
    std::map<size_t, size_t> free_;             // offset -> bytes, between blocks
    std::multimap<size_t, size_t> free_sizes_;  // bytes -> offset of the same
};

}  // namespace t3video
