// Memory mapping through POSIX, and what becomes of mappings whose file is changed.
#include "checkpoint/mapped_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <mutex>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "core/signal_stack.h"

namespace t3video::checkpoint {
namespace {

// All mappings of the process, one of the few things that only exist once in it: a handler of signals learns from them
// which file a bad address belongs to. It must not lock, so each has a slot of its own, which changes in one instant.
class Mappings {
  public:
    void add(const MappedFile* file) {
        const std::lock_guard lock(mutex_);
        for (auto& slot : slots_) {
            if (slot == nullptr) {
                slot = file;
                return;
            }
        }
        throw InvalidRequest(concat(file->path().string(), ": more than ", slots_.size(), " files are open"));
    }
    void remove(const MappedFile* file) {
        const std::lock_guard lock(mutex_);
        for (auto& slot : slots_) {
            if (slot == file) slot = nullptr;
        }
    }
    // The handler calls this, so it does not lock.
    const MappedFile* at(const std::byte* address) const {
        for (const auto& slot : slots_) {
            const MappedFile* file = slot;
            if (file != nullptr && file->bytes().data() <= address &&
                address < file->bytes().data() + file->bytes().size())
                return file;
        }
        return nullptr;
    }

  private:
    std::mutex mutex_;
    std::array<std::atomic<const MappedFile*>, 4096> slots_{};
};

Mappings mappings;

// Only what is safe in a handler. It ends the program, since the thread that read cannot go on. Threads that meet the
// same hole at once wait for the end in silence.
void end_for_lost_page(int signal, siginfo_t* info, void*) {
    static std::atomic_flag is_said = ATOMIC_FLAG_INIT;
    const MappedFile* file = mappings.at(static_cast<const std::byte*>(info->si_addr));
    if (file == nullptr) {
        std::signal(signal, SIG_DFL);  // and the same read once more
        return;
    }
    while (is_said.test_and_set()) pause();
    const auto part = [](std::string_view text) { return iovec{const_cast<char*>(text.data()), text.size()}; };
    const std::array line{part(isatty(STDERR_FILENO) != 0 ? "\nt3video: " : "t3video: "), part(file->path().c_str()),
                          part(": was cut short while it was used, or its disk fails; when it is whole, give the same "
                               "command again\n")};
    [[maybe_unused]] const auto written = writev(STDERR_FILENO, line.data(), line.size());
    _exit(1);
}

}  // namespace

MappedFile::MappedFile(std::filesystem::path path) : path_(std::move(path)) {
    const std::string name = path_.string();
    const int descriptor = ::open(name.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    require_valid(descriptor >= 0, name, ": cannot be opened: ", std::strerror(errno));
    try {
        struct stat info {};
        require_valid(::fstat(descriptor, &info) == 0, name, ": cannot be examined: ", std::strerror(errno));
        require_valid(!S_ISDIR(info.st_mode), name,
                      ": is a folder; name a .safetensors, .safetensors.index.json or .pth file in it");
        require_valid(S_ISREG(info.st_mode), name, ": is not a regular file");
        require_valid(info.st_size > 0, name, ": the file is empty");
        size_ = static_cast<size_t>(info.st_size);
        void* const address = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, descriptor, 0);
        require_valid(address != MAP_FAILED, name, ": cannot map ", size_, " bytes: ", std::strerror(errno));
        data_ = static_cast<const std::byte*>(address);
        mappings.add(this);
    } catch (...) {
        if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_);
        ::close(descriptor);
        throw;
    }
    ::close(descriptor);  // the mapping keeps the file
}

MappedFile::~MappedFile() {
    mappings.remove(this);
    ::munmap(const_cast<std::byte*>(data_), size_);
}

WatchedFile::WatchedFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
    require_valid(descriptor_ >= 0 && ::fstat(descriptor_, &before_) == 0, path_.string(),
                  ": cannot be opened: ", std::strerror(errno));
}

WatchedFile::~WatchedFile() {
    ::close(descriptor_);
}

bool WatchedFile::is_unchanged(const struct stat& now) const {
    return now.st_size == before_.st_size && now.st_mtim.tv_sec == before_.st_mtim.tv_sec &&
           now.st_mtim.tv_nsec == before_.st_mtim.tv_nsec;
}

void WatchedFile::require_unchanged() const {
    struct stat now {};
    require_valid(::fstat(descriptor_, &now) == 0 && is_unchanged(now), path_.string(),
                  ": was changed while it was used; what was computed since is not kept. When the file is whole, ask "
                  "for the same again");
}

bool WatchedFile::is_current() const {
    struct stat now {};
    return ::stat(path_.c_str(), &now) == 0 && now.st_dev == before_.st_dev && now.st_ino == before_.st_ino &&
           is_unchanged(now);
}

void explain_lost_pages() {
    use_signal_stack();
    struct sigaction action {};
    action.sa_sigaction = end_for_lost_page;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGBUS, &action, nullptr);
}

Tensor map_tensor(const std::shared_ptr<const MappedFile>& file, const Shape& shape, DType dtype, size_t offset) {
    const size_t bytes = static_cast<size_t>(shape.numel()) * size_of(dtype);
    const std::span<const std::byte> window = file->bytes().subspan(offset, bytes);
    if (reinterpret_cast<uintptr_t>(window.data()) % size_of(dtype) != 0) {
        return own_tensor({window.begin(), window.end()}, shape, dtype);
    }
    auto* const data = const_cast<std::byte*>(window.data());  // Storage guards it: not writable
    return {shape, dtype, std::make_shared<Storage>(data, bytes, file, false)};
}

Tensor own_tensor(std::vector<std::byte> bytes, const Shape& shape, DType dtype) {
    auto owner = std::make_shared<std::vector<std::byte>>(std::move(bytes));
    std::byte* const data = owner->data();
    const size_t size = owner->size();
    return {shape, dtype, std::make_shared<Storage>(data, size, std::move(owner), false)};
}

}  // namespace t3video::checkpoint
