// An allocator that finds what kernels do wrong with memory: every block starts as NaNs, so that what is not written
// shows, and lies between guard bytes that are looked at when it is freed.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "tensor/allocator.h"

namespace t3video::testing {

class GuardedAllocator final : public Allocator {
  public:
    explicit GuardedAllocator(std::shared_ptr<Allocator> inner) : inner_(std::move(inner)) {}

    std::shared_ptr<Storage> allocate(size_t bytes) override {
        auto block = std::make_shared<Block>();
        block->allocator = inner_;
        block->damaged = damaged_;
        block->bytes = bytes;
        block->storage = inner_->allocate(bytes + 2 * kGuard);
        std::byte* data = block->storage->data();
        const std::vector<std::byte> fill(bytes + 2 * kGuard, kFill);
        inner_->copy(data, fill.data(), fill.size(), Transfer::upload);
        return std::make_shared<Storage>(data + kGuard, bytes, block, true, Device::cuda);
    }
    void trim() override { inner_->trim(); }
    void copy(std::byte* to, const std::byte* from, size_t bytes, Transfer transfer) override {
        inner_->copy(to, from, bytes, transfer);
    }
    void zero(std::byte* data, size_t bytes) override { inner_->zero(data, bytes); }
    std::shared_ptr<Storage> allocate_pinned(size_t bytes) override { return inner_->allocate_pinned(bytes); }
    std::shared_ptr<void> upload_beside(std::byte* to, const std::byte* from, size_t bytes) override {
        return inner_->upload_beside(to, from, bytes);
    }
    std::shared_ptr<void> download_beside(std::byte* to, const std::byte* from, size_t bytes) override {
        return inner_->download_beside(to, from, bytes);
    }
    void wait_for(const std::shared_ptr<void>& copy) override { inner_->wait_for(copy); }

    // Blocks freed so far around which something was written.
    int damaged() const { return *damaged_; }

  private:
    static constexpr size_t kGuard = 512;    // bytes on each side; keeps the alignment that tensors have
    static constexpr std::byte kFill{0xff};  // a NaN in f32, f16 and bf16

    struct Block {
        std::shared_ptr<Allocator> allocator;
        std::shared_ptr<Storage> storage;
        std::shared_ptr<int> damaged;
        size_t bytes = 0;

        ~Block() {
            if (!storage) return;
            std::vector<std::byte> guards(2 * kGuard);
            const std::byte* data = storage->data();
            allocator->copy(guards.data(), data, kGuard, Transfer::download);
            allocator->copy(guards.data() + kGuard, data + kGuard + bytes, kGuard, Transfer::download);
            if (std::ranges::count(guards, kFill) != static_cast<std::ptrdiff_t>(guards.size())) ++*damaged;
        }
    };

    std::shared_ptr<Allocator> inner_;
    std::shared_ptr<int> damaged_ = std::make_shared<int>(0);
};

}  // namespace t3video::testing
