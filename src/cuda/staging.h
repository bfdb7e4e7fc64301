// Uploads from memory that is not pinned, through a ring of pinned chunks.
#pragma once

#include <array>
#include <memory>

#include "cuda/handles.h"
#include "tensor/storage.h"

namespace t3video::cuda {

// The copy engine reads one chunk while the host fills the next. Given memory that is not pinned, CUDA would do the
// same with chunks of its own, but only once the stream's earlier work is done.
class Staging {
  public:
    static constexpr size_t kChunks = 4, kChunkBytes = size_t{16} << 20;

    // `pinned`: kChunks * kChunkBytes. The stream is of the current device.
    Staging(std::shared_ptr<Storage> pinned, std::shared_ptr<CUstream_st> stream);
    ~Staging();
    Staging(const Staging&) = delete;
    Staging& operator=(const Staging&) = delete;

    // In the order of the stream's work. `from` has been read when the call returns; it waits for a chunk that is still
    // on its way.
    void upload(std::byte* to, const std::byte* from, size_t bytes);

  private:
    std::shared_ptr<Storage> pinned_;
    std::shared_ptr<CUstream_st> stream_;
    std::array<std::shared_ptr<CUevent_st>, kChunks> read_;  // by the copy engine
    size_t next_ = 0;
};

}  // namespace t3video::cuda
