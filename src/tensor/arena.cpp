// First fit with joined neighbours.
#include "tensor/arena.h"

#include <algorithm>
#include <iterator>

#include "core/hash_normal.h"

namespace t3video {
namespace {

// Summed over all blocks.
uint64_t mark(size_t offset, size_t bytes) {
    return mix_bits(offset ^ mix_bits(bytes));
}

}  // namespace

size_t Arena::end() const {
    const std::lock_guard lock(mutex_);
    return blocks_.empty() ? 0 : blocks_.rbegin()->first + blocks_.rbegin()->second;
}

void Arena::reset_peak() {
    const size_t now = end();
    const std::lock_guard lock(mutex_);
    peak_ = now;
}

std::optional<size_t> Arena::allocate(size_t bytes) {
    const size_t size = std::max(bytes, size_t{1});
    if (size > limit_) return std::nullopt;
    const size_t rounded = (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    const std::lock_guard lock(mutex_);
    size_t offset;
    const auto gap = std::ranges::find_if(free_, [&](const auto& entry) { return entry.second >= rounded; });
    if (gap != free_.end()) {
        const size_t room = gap->second;
        offset = gap->first;
        free_.erase(gap);
        if (room > rounded) free_.emplace(offset + rounded, room - rounded);
    } else {
        offset = blocks_.empty() ? 0 : blocks_.rbegin()->first + blocks_.rbegin()->second;
        if (rounded > limit_ || offset > limit_ - rounded) return std::nullopt;
    }
    blocks_.emplace(offset, rounded);
    used_ += rounded;
    arrangement_ += mark(offset, rounded);
    peak_ = std::max(peak_, blocks_.rbegin()->first + blocks_.rbegin()->second);
    return offset;
}

void Arena::free(size_t offset) noexcept {
    const std::lock_guard lock(mutex_);
    const auto block = blocks_.find(offset);
    if (block == blocks_.end()) return;
    size_t begin = offset, size = block->second;
    used_ -= size;
    arrangement_ -= mark(offset, size);
    blocks_.erase(block);
    const auto next = free_.lower_bound(offset);
    if (next != free_.end() && next->first == begin + size) {
        size += next->second;
        free_.erase(next);
    }
    const auto after = free_.lower_bound(offset);
    if (after != free_.begin()) {
        const auto before = std::prev(after);
        if (before->first + before->second == begin) {
            begin = before->first;
            size += before->second;
            free_.erase(before);
        }
    }
    // Room behind the last block is the arena's, not a gap.
    if (blocks_.empty() || begin > blocks_.rbegin()->first) return;
    free_.emplace(begin, size);
}

}  // namespace t3video
