// Best fit with joined neighbours.
#include "tensor/arena.h"

#include <algorithm>
#include <iterator>

namespace t3video {
namespace {

void erase_size(std::multimap<size_t, size_t>& sizes, size_t bytes, size_t offset) {
    auto [first, last] = sizes.equal_range(bytes);
    sizes.erase(std::find_if(first, last, [&](const auto& entry) { return entry.second == offset; }));
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

std::optional<size_t> Arena::take(size_t bytes) {
    const size_t size = std::max(bytes, size_t{1});
    if (size > limit_) return std::nullopt;
    const size_t rounded = (size + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment;
    const std::lock_guard lock(mutex_);
    size_t offset;
    if (const auto fit = free_sizes_.lower_bound(rounded); fit != free_sizes_.end()) {
        const size_t room = fit->first;
        offset = fit->second;
        free_sizes_.erase(fit);
        free_.erase(offset);
        if (room > rounded) {
            free_.emplace(offset + rounded, room - rounded);
            free_sizes_.emplace(room - rounded, offset + rounded);
        }
    } else {
        offset = blocks_.empty() ? 0 : blocks_.rbegin()->first + blocks_.rbegin()->second;
        if (rounded > limit_ || offset > limit_ - rounded) return std::nullopt;
    }
    blocks_.emplace(offset, rounded);
    used_ += rounded;
    peak_ = std::max(peak_, blocks_.rbegin()->first + blocks_.rbegin()->second);
    return offset;
}

void Arena::give(size_t offset) noexcept {
    const std::lock_guard lock(mutex_);
    const auto block = blocks_.find(offset);
    if (block == blocks_.end()) return;
    size_t begin = offset, size = block->second;
    used_ -= size;
    blocks_.erase(block);
    const auto next = free_.lower_bound(offset);
    if (next != free_.end() && next->first == begin + size) {
        size += next->second;
        erase_size(free_sizes_, next->second, next->first);
        free_.erase(next);
    }
    const auto after = free_.lower_bound(offset);
    if (after != free_.begin()) {
        const auto before = std::prev(after);
        if (before->first + before->second == begin) {
            begin = before->first;
            size += before->second;
            erase_size(free_sizes_, before->second, before->first);
            free_.erase(before);
        }
    }
    // Room behind the last block is the arena's, not a gap.
    if (blocks_.empty() || begin > blocks_.rbegin()->first) return;
    free_.emplace(begin, size);
    free_sizes_.emplace(size, begin);
}

}  // namespace t3video
