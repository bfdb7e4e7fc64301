// CPU allocator: size classes of freed blocks in front of aligned allocation.
#include "tensor/allocator.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "core/error.h"
#include "core/hash_normal.h"
#include "tensor/arena.h"

namespace t3video {
namespace {

constexpr size_t kAlignment = 64;       // one cache line, and the widest vector
constexpr size_t kMost = SIZE_MAX / 4;  // bytes that are counted, so that no sum overflows

// Rounds up to an eighth of the power of two below: at most 12.5 % is wasted, and similar sizes share blocks.
size_t size_class(size_t bytes) {
    const size_t at_least = std::max<size_t>(bytes, 512);
    const size_t step = std::bit_floor(at_least) / 8;
    return (at_least + step - 1) / step * step;
}

// Freed blocks by size class. Blocks in use hold a reference, so they may outlive the allocator.
class Pool {
  public:
    ~Pool() { trim(); }

    void* allocate(size_t bytes) {
        {
            const std::lock_guard lock(mutex_);
            const auto found = free_.find(bytes);
            if (found != free_.end() && !found->second.empty()) {
                void* block = found->second.back();
                found->second.pop_back();
                return block;
            }
        }
        void* block = std::aligned_alloc(kAlignment, bytes);
        if (block == nullptr) {
            trim();
            block = std::aligned_alloc(kAlignment, bytes);
        }
        if (block == nullptr) throw OutOfMemory(concat("not enough memory: the system refused ", bytes, " bytes"));
        const std::lock_guard lock(mutex_);
        ++requests_;
        held_ += bytes;
        peak_ = std::max(peak_, held_);
        return block;
    }

    void free(void* block, size_t bytes) noexcept {
        const std::lock_guard lock(mutex_);
        try {
            free_[bytes].push_back(block);
        } catch (...) {
            std::free(block);
            held_ -= bytes;
        }
    }

    void trim() {
        const std::lock_guard lock(mutex_);
        for (auto& [bytes, blocks] : free_) {
            for (void* block : blocks) std::free(block);
            held_ -= bytes * blocks.size();
        }
        free_.clear();
    }

    size_t requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    size_t peak() const {
        const std::lock_guard lock(mutex_);
        return peak_;
    }
    void reset_peak() {
        const std::lock_guard lock(mutex_);
        peak_ = held_;
    }

  private:
    mutable std::mutex mutex_;
    std::map<size_t, std::vector<void*>> free_;
    size_t requests_ = 0, held_ = 0, peak_ = 0;  // bytes held from the system: blocks in use and free ones
};

class CpuAllocator final : public Allocator {
  public:
    std::shared_ptr<Storage> allocate(size_t bytes) override {
        const size_t rounded = size_class(bytes);
        void* block = pool_->allocate(rounded);
        std::shared_ptr<const void> owner(
            block, [pool = pool_, rounded](const void* p) { pool->free(const_cast<void*>(p), rounded); });
        return std::make_shared<Storage>(static_cast<std::byte*>(block), bytes, std::move(owner), true);
    }
    void trim() override { pool_->trim(); }
    size_t requests() const override { return pool_->requests(); }
    size_t peak() const override { return pool_->peak(); }
    void reset_peak() override { pool_->reset_peak(); }
    void copy(std::byte* to, const std::byte* from, size_t bytes, Transfer) override { std::memcpy(to, from, bytes); }
    void zero(std::byte* data, size_t bytes) override { std::memset(data, 0, bytes); }

  private:
    std::shared_ptr<Pool> pool_ = std::make_shared<Pool>();
};

// Host memory of a run that only counts: beside the device's.
class PinnedCount {
  public:
    std::shared_ptr<Storage> allocate(size_t bytes) {
        counts_->held += bytes;
        counts_->peak = std::max(counts_->peak, counts_->held);
        auto* address = reinterpret_cast<std::byte*>(kAlignment);  // not null
        std::shared_ptr<const void> owner(address, [counts = counts_, bytes](const void*) { counts->held -= bytes; });
        return std::make_shared<Storage>(address, bytes, std::move(owner), true);
    }
    size_t peak() const { return counts_->peak; }

  private:
    struct Counts {
        size_t held = 0, peak = 0;
    };
    std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

void require_countable(bool holds, size_t bytes) {
    require_valid(holds, "too large to be planned: ", bytes, " bytes more in one piece; make it smaller or shorter");
}

class MetaAllocator final : public Allocator {
  public:
    std::shared_ptr<Storage> allocate(size_t bytes) override {
        const auto offset = arena_->allocate(bytes);
        require_countable(offset.has_value(), bytes);
        auto* address = reinterpret_cast<std::byte*>(*offset + kArenaAlignment);  // not null
        std::shared_ptr<const void> owner(address,
                                          [arena = arena_, offset = *offset](const void*) { arena->free(offset); });
        return std::make_shared<Storage>(address, bytes, std::move(owner), true, Device::meta);
    }
    void trim() override {}
    size_t peak() const override { return arena_->peak(); }
    void reset_peak() override { arena_->reset_peak(); }
    uint64_t arrangement() const override { return arena_->arrangement(); }
    void copy(std::byte*, const std::byte*, size_t, Transfer) override {}
    void zero(std::byte*, size_t) override {}
    std::shared_ptr<Storage> allocate_pinned(size_t bytes) override { return pinned_.allocate(bytes); }
    size_t pinned_peak() const override { return pinned_.peak(); }

  private:
    PinnedCount pinned_;
    std::shared_ptr<Arena> arena_ = std::make_shared<Arena>(kMost);
};

// Size classes and free blocks of CpuAllocator, without the blocks.
class MetaPool final : public Allocator {
  public:
    std::shared_ptr<Storage> allocate(size_t bytes) override {
        require_countable(bytes <= kMost, bytes);
        const size_t rounded = size_class(bytes);
        if (const auto found = counts_->free.find(rounded); found != counts_->free.end() && found->second > 0) {
            --found->second;
            counts_->marks -= mix_bits(rounded);
        } else {
            require_countable(counts_->held <= kMost, bytes);
            counts_->held += rounded;
            counts_->peak = std::max(counts_->peak, counts_->held);
        }
        auto* address = reinterpret_cast<std::byte*>(kAlignment);  // not null
        std::shared_ptr<const void> owner(address, [c = counts_, rounded](const void*) {
            ++c->free[rounded];
            c->marks += mix_bits(rounded);
        });
        return std::make_shared<Storage>(address, bytes, std::move(owner), true, Device::meta);
    }
    void trim() override {
        for (auto& [bytes, count] : counts_->free) counts_->held -= bytes * count;
        counts_->free.clear();
        counts_->marks = 0;
    }
    size_t peak() const override { return counts_->peak; }
    void reset_peak() override { counts_->peak = counts_->held; }
    uint64_t arrangement() const override { return mix_bits(counts_->held) + counts_->marks; }
    void copy(std::byte*, const std::byte*, size_t, Transfer) override {}
    void zero(std::byte*, size_t) override {}
    // As the CPU's own allocator, which has no other memory.
    std::shared_ptr<Storage> allocate_pinned(size_t bytes) override { return allocate(bytes); }

  private:
    struct Counts {
        size_t held = 0, peak = 0;
        std::map<size_t, size_t> free;  // size class -> blocks
        uint64_t marks = 0;             // of all free blocks, summed
    };
    std::shared_ptr<Counts> counts_ = std::make_shared<Counts>();
};

}  // namespace

std::shared_ptr<Allocator> make_cpu_allocator() {
    return std::make_shared<CpuAllocator>();
}

std::shared_ptr<Allocator> make_meta_allocator() {
    return std::make_shared<MetaAllocator>();
}

std::shared_ptr<Allocator> make_meta_pool() {
    return std::make_shared<MetaPool>();
}

}  // namespace t3video
