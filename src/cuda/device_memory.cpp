// Virtual memory management of the CUDA driver, which is found at run time: the program also starts without a driver.
#include "cuda/device_memory.h"

#include <fmt/format.h>

#include <algorithm>

namespace t3video::cuda {
namespace {

template <class Function>
Function driver(const char* name) {
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found{};
    check(cudaGetDriverEntryPointByVersion(name, &function, 12000, cudaEnableDefault, &found));
    require(found == cudaDriverEntryPointSuccess, "CUDA: the driver has no ", name);
    return reinterpret_cast<Function>(function);
}

struct Driver {
    decltype(&cuMemAddressReserve) reserve = driver<decltype(&cuMemAddressReserve)>("cuMemAddressReserve");
    decltype(&cuMemAddressFree) release_addresses = driver<decltype(&cuMemAddressFree)>("cuMemAddressFree");
    decltype(&cuMemCreate) create = driver<decltype(&cuMemCreate)>("cuMemCreate");
    decltype(&cuMemRelease) release = driver<decltype(&cuMemRelease)>("cuMemRelease");
    decltype(&cuMemMap) map = driver<decltype(&cuMemMap)>("cuMemMap");
    decltype(&cuMemUnmap) unmap = driver<decltype(&cuMemUnmap)>("cuMemUnmap");
    decltype(&cuMemSetAccess) set_access = driver<decltype(&cuMemSetAccess)>("cuMemSetAccess");
};

void check_driver(CUresult status, const char* what) {
    require(status == CUDA_SUCCESS, "CUDA: ", what, " failed with error ", static_cast<int>(status));
}

// A point in the order of one stream's work that another stream comes after: from a call of hold() on, and at the
// latest when the mark is gone. The host never waits.
class Mark {
  public:
    // Both streams are of that device, which is the current one.
    Mark(int device, cudaStream_t of, std::shared_ptr<CUstream_st> later) : device_(device), later_(std::move(later)) {
        check(cudaEventRecord(event_.get(), of));
    }
    ~Mark() {
        cudaSetDevice(device_);
        cudaStreamWaitEvent(later_.get(), event_.get());
    }
    Mark(const Mark&) = delete;
    Mark& operator=(const Mark&) = delete;
    void hold() const { check(cudaStreamWaitEvent(later_.get(), event_.get())); }

  private:
    int device_;
    std::shared_ptr<CUstream_st> later_;
    std::shared_ptr<CUevent_st> event_ = make_event();
};

}  // namespace

class DeviceMemory::Range {
  public:
    Range(int device, size_t limit, std::shared_ptr<CUstream_st> stream, size_t piece)
        : arena(limit / piece * piece), stream_(std::move(stream)), piece_(piece) {
        properties_.location.id = device;
        properties_.type = CU_MEM_ALLOCATION_TYPE_PINNED;
        properties_.location.type = CU_MEM_LOCATION_TYPE_DEVICE;
        check_driver(driver_.reserve(&base_, arena.limit(), piece_, 0, 0), "reserving addresses");
    }
    ~Range() {
        cudaSetDevice(properties_.location.id);
        cudaStreamSynchronize(stream_.get());
        shrink(0);
        driver_.release_addresses(base_, arena.limit());
    }

    // Maps memory behind the first `end` bytes. False when the card has no more.
    bool grow(size_t end) {
        const std::lock_guard lock(mutex_);
        while (pieces_.size() * piece_ < end) {
            set_device(properties_.location.id);
            CUmemGenericAllocationHandle piece{};
            ++requests_;
            if (driver_.create(&piece, piece_, &properties_, 0) != CUDA_SUCCESS) return false;
            const CUdeviceptr address = base_ + pieces_.size() * piece_;
            CUmemAccessDesc access{};
            access.location = properties_.location;
            access.flags = CU_MEM_ACCESS_FLAGS_PROT_READWRITE;
            check_driver(driver_.map(address, piece_, 0, piece, 0), "mapping memory");
            pieces_.push_back(piece);
            check_driver(driver_.set_access(address, piece_, &access, 1), "opening memory");
        }
        return true;
    }
    void shrink(size_t end) {
        const std::lock_guard lock(mutex_);
        while (!pieces_.empty() && (pieces_.size() - 1) * piece_ >= end) {
            driver_.unmap(base_ + (pieces_.size() - 1) * piece_, piece_);
            driver_.release(pieces_.back());
            pieces_.pop_back();
        }
    }
    size_t requests() const {
        const std::lock_guard lock(mutex_);
        return requests_;
    }
    std::byte* address(size_t offset) const { return reinterpret_cast<std::byte*>(base_ + offset); }

    Arena arena;

  private:
    Driver driver_;
    std::shared_ptr<CUstream_st> stream_;
    size_t piece_, requests_ = 0;
    mutable std::mutex mutex_;
    CUmemAllocationProp properties_{};
    CUdeviceptr base_ = 0;
    std::vector<CUmemGenericAllocationHandle> pieces_;
};

DeviceMemory::DeviceMemory(int device, size_t limit, size_t set_aside, std::shared_ptr<CUstream_st> stream,
                           size_t piece)
    : device_(device), set_aside_(set_aside), stream_(std::move(stream)) {
    set_device(device_);
    range_ = std::make_shared<Range>(device_, limit, stream_, piece);
    copies_ = make_stream();
    reached_ = make_event();
}

// Throws for a request of `bytes` beyond those in use.
void DeviceMemory::refuse(size_t bytes) const {
    constexpr double kMiB = double(1 << 20);
    const std::string found =
        fmt::format("{:.0f} MiB more are needed, {:.0f} of {:.0f} MiB are in use", double(bytes) / kMiB,
                    double(range_->arena.used()) / kMiB, double(range_->arena.limit()) / kMiB);
    throw InvalidRequest(Message("out of GPU memory: ", found, "; allow more with ", Field("memory"),
                                 ", close what else uses the card, or make a smaller film"));
}

std::shared_ptr<Storage> DeviceMemory::allocate(size_t bytes) {
    const auto offset = range_->arena.allocate(bytes);
    const bool fits = offset && range_->grow(*offset + bytes);
    if (!fits) {
        if (offset) range_->arena.free(*offset);
        refuse(bytes);
    }
    std::byte* address = range_->address(*offset);
    std::shared_ptr<const void> owner(address,
                                      [range = range_, offset = *offset](const void*) { range->arena.free(offset); });
    return std::make_shared<Storage>(address, bytes, std::move(owner), true, Device::cuda);
}

void DeviceMemory::trim() {
    set_device(device_);
    check(cudaStreamSynchronize(stream_.get()));  // freed blocks may still be read by work under way
    range_->shrink(range_->arena.end());
}

void DeviceMemory::reserve(size_t bytes) {
    const size_t used = range_->arena.used();
    if (bytes > range_->arena.limit() || !range_->grow(bytes)) refuse(bytes - std::min(bytes, used));
}

size_t DeviceMemory::requests() const {
    return range_->requests() + pinned_;
}

size_t DeviceMemory::peak() const {
    return range_->arena.peak();
}

void DeviceMemory::reset_peak() {
    range_->arena.reset_peak();
}

size_t DeviceMemory::limit() const {
    return range_->arena.limit();
}

void DeviceMemory::copy(std::byte* to, const std::byte* from, size_t bytes, Transfer transfer) {
    constexpr cudaMemcpyKind kKinds[] = {cudaMemcpyDeviceToDevice, cudaMemcpyHostToDevice, cudaMemcpyDeviceToHost};
    constexpr size_t kSmall = size_t{64} << 10;  // CUDA takes up to so much without waiting
    set_device(device_);
    if (transfer == Transfer::upload && bytes > kSmall) {
        if (!staging_) staging_.emplace(allocate_pinned(Staging::kChunks * Staging::kChunkBytes), stream_);
        return staging_->upload(to, from, bytes);
    }
    check(cudaMemcpyAsync(to, from, bytes, kKinds[static_cast<int>(transfer)], stream_.get()));
    if (transfer == Transfer::download) check(cudaStreamSynchronize(stream_.get()));
}

void DeviceMemory::zero(std::byte* data, size_t bytes) {
    set_device(device_);
    check(cudaMemsetAsync(data, 0, bytes, stream_.get()));
}

std::shared_ptr<Storage> DeviceMemory::allocate_pinned(size_t bytes) {
    void* data = nullptr;
    ++pinned_;
    set_device(device_);
    const cudaError_t status = cudaHostAlloc(&data, bytes, cudaHostAllocDefault);
    require_valid(status == cudaSuccess, "out of memory: the system could not pin ", bytes >> 20,
                  " MiB for copies; allow more with ", Field("memory"), ", or close what else takes memory");
    std::shared_ptr<const void> owner(data, [device = device_, copies = copies_](const void* p) {
        cudaSetDevice(device);
        cudaStreamSynchronize(copies.get());
        cudaFreeHost(const_cast<void*>(p));
    });
    return std::make_shared<Storage>(static_cast<std::byte*>(data), bytes, std::move(owner), true);
}

std::shared_ptr<void> DeviceMemory::copy_beside(std::byte* to, const std::byte* from, size_t bytes) {
    set_device(device_);
    check(cudaEventRecord(reached_.get(), stream_.get()));
    check(cudaStreamWaitEvent(copies_.get(), reached_.get()));
    check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDefault, copies_.get()));
    return std::make_shared<Mark>(device_, copies_.get(), stream_);
}

void DeviceMemory::wait_for(const std::shared_ptr<void>& copy) {
    if (!copy) return;
    set_device(device_);
    static_cast<const Mark*>(copy.get())->hold();
}

}  // namespace t3video::cuda
