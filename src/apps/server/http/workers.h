// Threads that answer requests, one each at a time; made when they are needed.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace t3video::server {

class Workers {
  public:
    explicit Workers(size_t most) : most_(most) {}
    ~Workers() { finish(); }
    Workers(const Workers&) = delete;
    Workers& operator=(const Workers&) = delete;

    // `work` must not throw. Dropped after finish().
    void start(std::function<void()> work);
    // Waits for all that was begun; what still waits is dropped.
    void finish();

  private:
    void run();

    std::mutex mutex_;
    std::condition_variable due_;
    std::deque<std::function<void()>> waiting_;
    std::vector<std::thread> threads_;
    size_t most_, idle_ = 0;
    bool over_ = false;
};

}  // namespace t3video::server
