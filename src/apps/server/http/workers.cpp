// Hands work to threads.
#include "apps/server/http/workers.h"

#include <system_error>

namespace t3video::server {

void Workers::finish() {
    std::deque<std::function<void()>> dropped;
    {
        const std::lock_guard lock(mutex_);
        over_ = true;
        dropped.swap(waiting_);
    }
    due_.notify_all();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
}

void Workers::start(std::function<void()> work) {
    {
        const std::lock_guard lock(mutex_);
        if (over_) return;
        waiting_.push_back(std::move(work));
        if (waiting_.size() > idle_ && threads_.size() < most_) try {
                threads_.emplace_back([this] { run(); });
            } catch (const std::system_error&) {
                if (threads_.empty()) throw;  // the system has no more threads: those that there are take turns
            }
    }
    due_.notify_one();
}

void Workers::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        ++idle_;
        due_.wait(lock, [&] { return over_ || !waiting_.empty(); });
        --idle_;
        if (over_) return;
        {
            const std::function<void()> work = std::move(waiting_.front());
            waiting_.pop_front();
            lock.unlock();
            work();
        }
        lock.lock();
    }
}

}  // namespace t3video::server
