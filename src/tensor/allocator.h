// Where activations come from, and how bytes reach them. The CPU allocator keeps freed blocks, because a forward pass
// asks for the same sizes again and fresh pages would be zeroed by the kernel each time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "tensor/storage.h"

namespace t3video {

enum class Transfer { within, upload, download };  // inside the device, from the host to it, from it to the host

class Allocator {
  public:
    virtual ~Allocator() = default;
    // Uninitialised bytes, aligned to 64. Throws Error with the size when memory runs out.
    virtual std::shared_ptr<Storage> allocate(size_t bytes) = 0;
    // Gives every unused block back to the system.
    virtual void trim() = 0;
    // Takes from the system now what blocks of so many bytes in all need, at the addresses that allocate() will choose,
    // so that it need not be asked while they are. Throws InvalidRequest when it does not have as much.
    virtual void reserve(size_t /*bytes*/) {}
    // How often the system was asked for memory so far, of any kind: allocate() does so only for what reserved memory
    // and freed blocks do not serve.
    virtual size_t requests() const { return 0; }
    // Bytes that were in use at once, at most, since the last reset_peak(), on the CPU with freed blocks that are kept;
    // 0 where that is not counted.
    virtual size_t peak() const { return 0; }
    virtual void reset_peak() {}
    // Of one that only counts: bytes of pinned memory that were in use at once, at most.
    virtual size_t pinned_peak() const { return 0; }
    // Of one that only counts: a number that tells apart how its blocks and the gaps between them lie.
    virtual uint64_t arrangement() const { return 0; }
    // Bytes that it can hand out at most; SIZE_MAX where only the system knows.
    virtual size_t limit() const { return SIZE_MAX; }
    // Bytes of the device beyond these that are set aside for what allocates by itself, such as a library.
    virtual size_t set_aside() const { return 0; }

    // In the order of the device's other work; a download has arrived when the call returns.
    virtual void copy(std::byte* to, const std::byte* from, size_t bytes, Transfer transfer) = 0;
    virtual void zero(std::byte* data, size_t bytes) = 0;

    // Host memory that copies from and to the device run beside other work with. They have arrived before it is freed.
    virtual std::shared_ptr<Storage> allocate_pinned(size_t bytes) { return allocate(bytes); }
    // An upload from pinned memory that starts when the work asked for so far is done, and runs beside what is asked
    // for later. Work asked for once the last copy of the result is gone starts after the upload.
    virtual std::shared_ptr<void> upload_beside(std::byte* to, const std::byte* from, size_t bytes) {
        copy(to, from, bytes, Transfer::upload);
        return nullptr;
    }
    // The same the other way: a download into pinned memory, of what lies there when the work asked for so far is done.
    virtual std::shared_ptr<void> download_beside(std::byte* to, const std::byte* from, size_t bytes) {
        copy(to, from, bytes, Transfer::download);
        return nullptr;
    }
    // Work asked for from now on starts after this copy.
    virtual void wait_for(const std::shared_ptr<void>& /*copy*/) {}
};

std::shared_ptr<Allocator> make_cpu_allocator();
// Hands out addresses that must not be touched, and counts. Throws InvalidRequest for more than any machine has.
std::shared_ptr<Allocator> make_meta_allocator();
// The same for the CPU's pool: peak() is what it would have taken from the system, freed blocks that it keeps included.
std::shared_ptr<Allocator> make_meta_pool();

}  // namespace t3video
