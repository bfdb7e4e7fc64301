// Finds who sends slowest.
#include "apps/server/http/bodies.h"

#include <sys/socket.h>

#include <algorithm>

namespace t3video::server {

Bodies::Place::~Place() {
    const std::lock_guard lock(bodies_.mutex_);
    bodies_.senders_.erase(sender_);
}

void Bodies::Place::begin() {
    const std::lock_guard lock(bodies_.mutex_);
    sender_->since = Visitor::Clock::now();
}

void Bodies::Place::received(int64_t bytes) {
    const std::lock_guard lock(bodies_.mutex_);
    sender_->received += bytes;
}

void Bodies::Place::end() {
    const std::lock_guard lock(bodies_.mutex_);
    sender_->whole = true;
}

bool Bodies::Place::sent_away() const {
    const std::lock_guard lock(bodies_.mutex_);
    return sender_->sent_away;
}

std::unique_ptr<Bodies::Place> Bodies::enter(int socket) {
    const std::lock_guard lock(mutex_);
    const auto sending = std::ranges::count_if(senders_, [](const Sender& s) { return !s.whole && !s.sent_away; });
    if (static_cast<size_t>(sending) >= limits_.bodies && !send_slowest_away()) return nullptr;
    senders_.push_back({.socket = socket, .since = Visitor::Clock::now()});
    return std::make_unique<Place>(*this, std::prev(senders_.end()));
}

// Slow is who has sent less than the least rate for a tenth of the time that he may stand still. He reads the end of
// what he waits for, and so learns of it.
bool Bodies::send_slowest_away() {
    const auto now = Visitor::Clock::now();
    const auto grace = limits_.stall / 10;
    Sender* slowest = nullptr;
    double least = static_cast<double>(limits_.body_rate);
    for (Sender& one : senders_) {
        if (one.sent_away || one.whole || now - one.since < grace) continue;
        const double rate = static_cast<double>(one.received) / std::chrono::duration<double>(now - one.since).count();
        if (rate < least) slowest = &one, least = rate;
    }
    if (!slowest) return false;
    slowest->sent_away = true;
    shutdown(slowest->socket, SHUT_RD);
    return true;
}

}  // namespace t3video::server
