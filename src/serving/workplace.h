// What the workers of a server share: the films that run and may be stopped, the wait for the next one, what is wrong
// with the machine, and counts. Any thread.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <stop_token>
#include <string>

#include "serving/service.h"

namespace t3video::serving {

class Workplace {
  public:
    // A film runs; its token is asked to stop by stop() and close().
    std::stop_token begin(const std::string& id);
    void end(const std::string& id);
    bool stop(const std::string& id);  // whether it runs

    // Work has come, or a state changed that somebody waits for.
    void wake();
    int64_t wakes() const;
    // Until there is another wake() than the `seen` first ones, so many seconds at most, or until close().
    void wait(int64_t seen, double seconds);
    // So many seconds, or until close().
    void pause(double seconds);
    void close();
    bool closed() const;

    // What keeps `whom` from working, for people; empty: nothing any more. Returns whether that is news.
    bool set_trouble(const std::string& whom, const std::string& why);
    std::string trouble() const;  // the first; empty: there is none

    void count(const std::function<void(Counters& counters)>& change);
    Counters counters() const;

  private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    int64_t wakes_ = 0;
    bool closed_ = false;
    std::map<std::string, std::stop_source> running_;
    std::map<std::string, std::string> troubles_;
    Counters counters_;
};

}  // namespace t3video::serving
