// Where connections wait until a request of theirs is whole: one thread for all of them, so that those who send slowly
// or nothing at all keep nobody waiting. Where there is no room for a newcomer, who has waited longest goes.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "apps/server/http/head.h"
#include "apps/server/http/listening.h"

namespace t3video::server {

struct HttpLimits {
    size_t connections = 2000;  // at once
    size_t from_address = 128;  // of these from one other machine; this one may be a proxy for many
    size_t threads = 320;       // of these at most:
    size_t lasting = 192;       //   for answers that take their time: films, events
    size_t bodies = 32;         //   for bodies that do not fit into a lobby
    size_t small_body = size_t{64} << 10;
    std::chrono::milliseconds head{10'000};   // until a request, but for a large body, is there
    std::chrono::milliseconds idle{60'000};   // between two requests
    std::chrono::milliseconds stall{20'000};  // that a reader or a writer may stand still
    std::chrono::milliseconds linger{5'000};  // that a client may go on sending after its answer
    int64_t body_rate = int64_t{16} << 10;    // bytes a second at least, beyond the time of a stall
};

class Lobby;

// A connection.
class Visitor {
  public:
    using Clock = std::chrono::steady_clock;

    ~Visitor();

    FileDescriptor socket;
    PeerAddress address;
    std::string buffer;       // received and not used yet
    Head head;                // of the request at its front, once that is whole
    Clock::time_point since;  // of waiting for what it waits for
    bool lingers = false;     // has its last answer

  private:
    friend class Lobby;
    Lobby* lobby_ = nullptr;
};

class Lobby {
  public:
    // Hands over whose request is whole but for a large body; on the lobby's thread.
    using Ready = std::function<void(std::unique_ptr<Visitor>)>;

    Lobby(FileDescriptor listening, const HttpLimits& limits, Ready ready);
    ~Lobby();
    Lobby(const Lobby&) = delete;
    Lobby& operator=(const Lobby&) = delete;

    // After an answer, from any thread: to wait for the next request, or to go.
    void take_back(std::unique_ptr<Visitor> visitor, bool stays);
    // Answers on its thread, and lets the visitor go.
    void refuse(std::unique_ptr<Visitor> visitor, const HttpError& error);
    // Nobody comes any more, and who is idle goes.
    void close();
    size_t connections() const { return count_; }

  private:
    friend class Visitor;
    using Clock = Visitor::Clock;

    void run();
    void accept_all();
    void seat(FileDescriptor socket);
    bool make_room(const PeerAddress& newcomer);
    void receive(int socket);
    void examine(int socket);
    void wait_again(std::unique_ptr<Visitor> visitor);
    void take_returned();
    void send_away_the_late();
    void watch(int socket);
    void wake() const;

    const HttpLimits limits_;
    const Ready ready_;
    FileDescriptor listening_, epoll_, wakening_;
    std::map<int, std::unique_ptr<Visitor>> waiting_;  // by socket; the thread's own

    mutable std::mutex mutex_;  // of what follows
    std::vector<std::pair<std::unique_ptr<Visitor>, bool>> returned_;
    std::map<std::string, size_t> from_;  // connections by address
    std::atomic<size_t> count_ = 0;
    std::atomic<bool> closed_ = false, over_ = false;
    std::thread thread_;
};

}  // namespace t3video::server
