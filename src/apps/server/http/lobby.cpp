// Waits for many sockets at once.
#include "apps/server/http/lobby.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "core/error.h"

namespace t3video::server {
namespace {

constexpr int kTick = 200;  // milliseconds between looks at the clock
constexpr size_t kPiece = size_t{16} << 10;
constexpr int kMostAtOnce = 64;  // newcomers, before others have their turn

std::string error_bytes(const HttpError& error) {
    const Answer answer = error_answer(error);
    std::string text = concat("HTTP/1.1 ", error.status, " ", error.code, "\r\nContent-Type: ", answer.type,
                              "\r\nContent-Length: ", answer.body.size(), "\r\nConnection: close\r\n");
    for (const auto& [name, value] : answer.headers) text += concat(name, ": ", value, "\r\n");
    return text + "\r\n" + answer.body;
}

}  // namespace

Visitor::~Visitor() {
    if (!lobby_) return;
    const std::lock_guard lock(lobby_->mutex_);
    --lobby_->count_;
    const auto at = lobby_->from_.find(address.text);
    if (at != lobby_->from_.end() && --at->second == 0) lobby_->from_.erase(at);
}

Lobby::Lobby(FileDescriptor listening, const HttpLimits& limits, Ready ready)
    : limits_(limits),
      ready_(std::move(ready)),
      listening_(std::move(listening)),
      epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wakening_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    require(epoll_.get() >= 0 && wakening_.get() >= 0, "the system gives no descriptors to wait with");
    watch(listening_.get());
    watch(wakening_.get());
    thread_ = std::thread([this] { run(); });
}

Lobby::~Lobby() {
    over_ = true;
    wake();
    thread_.join();
    waiting_.clear();
    returned_.clear();
}

void Lobby::watch(int socket) {
    epoll_event event{.events = EPOLLIN | EPOLLRDHUP, .data = {.fd = socket}};
    epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, socket, &event);
}

void Lobby::wake() const {
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = write(wakening_.get(), &one, sizeof one);
}

void Lobby::close() {
    closed_ = true;
    wake();
}

void Lobby::take_back(std::unique_ptr<Visitor> visitor, bool stays) {
    {
        const std::lock_guard lock(mutex_);
        returned_.emplace_back(std::move(visitor), stays);
    }
    wake();
}

void Lobby::run() {
    std::array<epoll_event, 64> events{};
    Clock::time_point looked = Clock::now();
    bool accepting = true;
    while (!over_) {
        const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), kTick);
        if (closed_ && accepting) {
            accepting = false;
            listening_ = FileDescriptor();  // later ones are told at once that nobody is there
            std::erase_if(waiting_, [](const auto& one) { return one.second->buffer.empty(); });
        }
        for (int i = 0; i < count; ++i) {
            const int socket = events[static_cast<size_t>(i)].data.fd;
            uint64_t ignored = 0;
            if (socket == wakening_.get()) [[maybe_unused]]
                const auto got = read(socket, &ignored, sizeof ignored);
            else if (accepting && socket == listening_.get())
                accept_all();
            else
                receive(socket);
        }
        take_returned();
        if (Clock::now() - looked < std::chrono::milliseconds(kTick)) continue;
        looked = Clock::now();
        send_away_the_late();
    }
}

void Lobby::accept_all() {
    for (int i = 0; i < kMostAtOnce; ++i) {
        FileDescriptor socket(accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (socket.get() >= 0) {
            seat(std::move(socket));
        } else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            if (!make_room({})) usleep(10'000);
            return;
        } else if (errno != ECONNABORTED && errno != EINTR) {
            return;
        }
    }
}

// Lets go who has waited longest, of the newcomer's address where that has its share already. False where nobody waits.
bool Lobby::make_room(const PeerAddress& newcomer) {
    const auto may_go = [&](const auto& one) {
        return newcomer.text.empty() || one.second->address.text == newcomer.text;
    };
    auto longest = waiting_.end();
    for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
        if (may_go(*one) && (longest == waiting_.end() || one->second->since < longest->second->since)) longest = one;
    }
    if (longest == waiting_.end()) return false;
    waiting_.erase(longest);
    return true;
}

void Lobby::seat(FileDescriptor socket) {
    const PeerAddress address = peer_of(socket.get());
    size_t from_there = 0;
    {
        const std::lock_guard lock(mutex_);
        const auto at = from_.find(address.text);
        from_there = at == from_.end() ? 0 : at->second;
    }
    if (!address.loopback && from_there >= limits_.from_address && !make_room(address)) return;
    if (count_ >= limits_.connections && !make_room({})) return;
    auto visitor = std::make_unique<Visitor>();
    visitor->socket = std::move(socket);
    visitor->address = address;
    visitor->since = Clock::now();
    {
        const std::lock_guard lock(mutex_);
        ++from_[address.text];
        ++count_;
        visitor->lobby_ = this;
    }
    const int number = visitor->socket.get();
    waiting_[number] = std::move(visitor);
    watch(number);
}

void Lobby::receive(int socket) {
    const auto at = waiting_.find(socket);
    if (at == waiting_.end()) return;
    Visitor& visitor = *at->second;
    std::array<char, kPiece> piece;
    // As much as an unfinished request may have; what comes later is read with its body.
    const size_t most = kLargestHead + limits_.small_body;
    const auto got =
        recv(socket, piece.data(), std::min(piece.size(), most - std::min(visitor.buffer.size(), most - 1)), 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        waiting_.erase(at);
        return;
    }
    if (visitor.lingers) return;
    if (visitor.buffer.empty()) visitor.since = Clock::now();
    visitor.buffer.append(piece.data(), static_cast<size_t>(got));
    examine(socket);
}

// Hands the visitor over if its request is whole.
void Lobby::examine(int socket) {
    const auto at = waiting_.find(socket);
    Visitor& visitor = *at->second;
    const auto take = [&] {
        std::unique_ptr<Visitor> taken = std::move(at->second);
        waiting_.erase(at);
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
        return taken;
    };
    try {
        auto head = parse_head(visitor.buffer);
        if (!head) return;
        const auto length = static_cast<size_t>(head->length.value_or(0));
        const bool waits = !head->expects_continue && !head->chunked && length <= limits_.small_body;
        if (waits && visitor.buffer.size() < head->bytes + length) return;
        visitor.head = std::move(*head);
    } catch (const HttpError& error) {
        return refuse(take(), error);
    }
    ready_(take());
}

void Lobby::refuse(std::unique_ptr<Visitor> visitor, const HttpError& error) {
    const std::string bytes = error_bytes(error);
    // Small enough for the socket's buffer; who does not read loses it.
    [[maybe_unused]] const auto sent = send(visitor->socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    visitor->lingers = true;
    wait_again(std::move(visitor));
}

void Lobby::wait_again(std::unique_ptr<Visitor> visitor) {
    const int socket = visitor->socket.get();
    visitor->since = Clock::now();
    if (visitor->lingers) {
        // Closing at once would reset the connection under what the client still sends, and the answer would be lost.
        shutdown(socket, SHUT_WR);
        visitor->buffer.clear();
    }
    const bool more = !visitor->buffer.empty();
    waiting_[socket] = std::move(visitor);
    watch(socket);
    if (more) examine(socket);  // a request that came with the one before
}

void Lobby::take_returned() {
    std::vector<std::pair<std::unique_ptr<Visitor>, bool>> back;
    {
        const std::lock_guard lock(mutex_);
        back.swap(returned_);
    }
    for (auto& [visitor, stays] : back) {
        visitor->lingers = !stays || (closed_ && visitor->buffer.empty());
        wait_again(std::move(visitor));
    }
}

void Lobby::send_away_the_late() {
    const Clock::time_point now = Clock::now();
    std::vector<int> late;
    for (const auto& [socket, visitor] : waiting_) {
        const auto patience = visitor->lingers ? limits_.linger : visitor->buffer.empty() ? limits_.idle : limits_.head;
        if (now - visitor->since > patience) late.push_back(socket);
    }
    for (const int socket : late) {
        const auto at = waiting_.find(socket);
        std::unique_ptr<Visitor> visitor = std::move(at->second);
        waiting_.erase(at);
        if (visitor->lingers || visitor->buffer.empty()) continue;
        epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, socket, nullptr);
        refuse(std::move(visitor), {408, "request_timeout", "the request did not arrive in time"});
    }
}

}  // namespace t3video::server
