// The GPU's memory as one range of addresses that grows as blocks need it, up to a limit.
#pragma once

#include <cuda.h>
#include <cuda_runtime.h>

#include <mutex>
#include <optional>
#include <vector>

#include "cuda/staging.h"
#include "tensor/allocator.h"
#include "tensor/arena.h"

namespace t3video::cuda {

// Addresses are reserved once and memory is mapped behind them piece by piece, so that blocks of any size share all of
// it without gaps between allocations. A freed block is used again at once: all work runs in the order of one stream.
class DeviceMemory final : public Allocator {
  public:
    static constexpr size_t kPiece = size_t{64} << 20;  // a call that maps takes about a millisecond

    // `device`: of the stream. `set_aside`: what is left to others beside the limit. `piece`: bytes mapped at once, a
    // multiple of 2 MiB.
    DeviceMemory(int device, size_t limit, size_t set_aside, std::shared_ptr<CUstream_st> stream,
                 size_t piece = kPiece);

    // Throws InvalidRequest past the limit, and where the card has no more.
    std::shared_ptr<Storage> allocate(size_t bytes) override;
    void trim() override;
    void reserve(size_t bytes) override;
    size_t requests() const override;
    size_t peak() const override;
    void reset_peak() override;
    size_t limit() const override;
    size_t set_aside() const override { return set_aside_; }
    // What is uploaded has been read when the call returns. Larger ones than a ring of pinned chunks wait for it.
    void copy(std::byte* to, const std::byte* from, size_t bytes, Transfer transfer) override;
    void zero(std::byte* data, size_t bytes) override;
    std::shared_ptr<Storage> allocate_pinned(size_t bytes) override;
    std::shared_ptr<void> upload_beside(std::byte* to, const std::byte* from, size_t bytes) override {
        return copy_beside(to, from, bytes);
    }
    std::shared_ptr<void> download_beside(std::byte* to, const std::byte* from, size_t bytes) override {
        return copy_beside(to, from, bytes);
    }
    void wait_for(const std::shared_ptr<void>& copy) override;

  private:
    class Range;
    [[noreturn]] void refuse(size_t bytes) const;
    std::shared_ptr<void> copy_beside(std::byte* to, const std::byte* from, size_t bytes);

    int device_;
    std::shared_ptr<Range> range_;                  // blocks keep it alive
    size_t set_aside_, pinned_ = 0;                 // bytes; times that host memory was pinned
    std::shared_ptr<CUstream_st> stream_, copies_;  // the second for what runs beside the first
    std::shared_ptr<CUevent_st> reached_;           // how far the first was when a copy was asked for
    std::optional<Staging> staging_;                // made by the first upload that needs it
};

}  // namespace t3video::cuda
