// Under one lock, as none of it takes long.
#include "serving/workplace.h"

#include <chrono>

namespace t3video::serving {

std::stop_token Workplace::begin(const std::string& id) {
    const std::lock_guard lock(mutex_);
    std::stop_source& source = running_[id] = std::stop_source();
    if (closed_) source.request_stop();
    return source.get_token();
}

void Workplace::end(const std::string& id) {
    const std::lock_guard lock(mutex_);
    running_.erase(id);
}

bool Workplace::stop(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const auto found = running_.find(id);
    if (found == running_.end()) return false;
    found->second.request_stop();
    return true;
}

void Workplace::wake() {
    const std::lock_guard lock(mutex_);
    ++wakes_;
    changed_.notify_all();
}

int64_t Workplace::wakes() const {
    const std::lock_guard lock(mutex_);
    return wakes_;
}

void Workplace::wait(int64_t seen, double seconds) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return closed_ || wakes_ != seen; });
}

void Workplace::pause(double seconds) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::duration<double>(seconds), [&] { return closed_; });
}

void Workplace::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (auto& [id, source] : running_) source.request_stop();
    changed_.notify_all();
}

bool Workplace::closed() const {
    const std::lock_guard lock(mutex_);
    return closed_;
}

bool Workplace::set_trouble(const std::string& whom, const std::string& why) {
    const std::lock_guard lock(mutex_);
    const auto found = troubles_.find(whom);
    if ((found == troubles_.end() ? std::string() : found->second) == why) return false;
    if (why.empty()) {
        troubles_.erase(found);
    } else {
        troubles_[whom] = why;
    }
    return true;
}

std::string Workplace::trouble() const {
    const std::lock_guard lock(mutex_);
    return troubles_.empty() ? std::string() : troubles_.begin()->second;
}

void Workplace::count(const std::function<void(Counters&)>& change) {
    const std::lock_guard lock(mutex_);
    change(counters_);
}

Counters Workplace::counters() const {
    const std::lock_guard lock(mutex_);
    return counters_;
}

}  // namespace t3video::serving
