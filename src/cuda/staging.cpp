// The ring of chunks.
#include "cuda/staging.h"

#include <algorithm>
#include <cstring>

namespace t3video::cuda {

Staging::Staging(std::shared_ptr<Storage> pinned, std::shared_ptr<CUstream_st> stream)
    : pinned_(std::move(pinned)), stream_(std::move(stream)) {
    for (auto& event : read_) event = make_event();
}

Staging::~Staging() {
    for (const auto& event : read_) cudaEventSynchronize(event.get());  // before the chunks are freed
}

void Staging::upload(std::byte* to, const std::byte* from, size_t bytes) {
    for (size_t done = 0; done < bytes; done += kChunkBytes) {
        const size_t count = std::min(bytes - done, kChunkBytes);
        std::byte* chunk = pinned_->data() + next_ * kChunkBytes;
        cudaEvent_t read = read_[next_].get();
        check(cudaEventSynchronize(read));  // at once where it was never recorded
        std::memcpy(chunk, from + done, count);
        check(cudaMemcpyAsync(to + done, chunk, count, cudaMemcpyHostToDevice, stream_.get()));
        check(cudaEventRecord(read, stream_.get()));
        next_ = (next_ + 1) % kChunks;
    }
}

}  // namespace t3video::cuda
