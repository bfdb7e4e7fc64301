// The one file that includes cpp-httplib, of Debian 12 (0.11) or 13 (0.18). Of a request it sees only how long the body
// is and whether the connection stays (head.h has read the rest): it decodes bodies that come in pieces, and writes
// answers. A server of its own stands for each exchange, so that its handlers know whose they are.
#include "apps/server/http/http.h"

#include <httplib.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>

#include "apps/server/http/chunks.h"
#include "core/error.h"

namespace t3video::server {
namespace {

using Clock = Visitor::Clock;
using std::chrono::milliseconds;

constexpr size_t kPiece = size_t{64} << 10;
constexpr size_t kManyRequests = 10'000;               // on a connection, as clients are told
constexpr int64_t kPiecesOverhead = int64_t{1} << 20;  // of lines between the pieces of a body

bool wait_for(int socket, short events, Clock::time_point until) {
    for (;;) {
        const auto left = std::chrono::duration_cast<milliseconds>(until - Clock::now()).count();
        if (left <= 0) return false;
        pollfd one{socket, events, 0};
        const int ready = poll(&one, 1, static_cast<int>(std::min<int64_t>(left, 60'000)));
        if (ready > 0) return true;
        if (ready < 0 && errno != EINTR) return false;
    }
}

// The socket as the library reads and writes it: in front of the body the head as it is to see it.
class Wire : public httplib::Stream {
  public:
    Wire(Visitor& visitor, Bodies::Place* place, const HttpLimits& limits, std::string head)
        : visitor_(visitor),
          place_(place),
          limits_(limits),
          head_(std::move(head)),
          left_(visitor.head.length.value_or(0)) {}

    // The body is read from now on; of one that comes in pieces so many bytes at most.
    void expect(int64_t bytes) {
        if (visitor_.head.chunked) left_ = bytes + kPiecesOverhead;
        begun_ = Clock::now();
        if (place_) place_->begin();
    }
    void received_all() {
        if (place_) place_->end();
    }
    bool late() const { return late_; }
    bool connected() const {
        pollfd one{visitor_.socket.get(), POLLRDHUP, 0};
        return !broken_ && poll(&one, 1, 0) == 0;
    }

    bool is_readable() const override { return true; }
    bool is_writable() const override { return !broken_; }
    ssize_t read(char* to, size_t count) override {
        if (at_ < head_.size()) {
            const size_t some = head_.copy(to, count, at_);
            at_ += some;
            return static_cast<ssize_t>(some);
        }
        count = static_cast<size_t>(std::min<int64_t>(static_cast<int64_t>(count), left_));
        if (count == 0) return 0;
        if (used_ == visitor_.buffer.size() && !receive()) return -1;
        const size_t some = visitor_.buffer.copy(to, count, used_);
        if (visitor_.head.chunked && !chunks_.take({to, some})) return -1;
        used_ += some;
        left_ -= static_cast<int64_t>(some);
        return static_cast<ssize_t>(some);
    }
    ssize_t write(const char* from, size_t count) override {
        const Clock::time_point begun = Clock::now();
        for (size_t done = 0; done < count && !broken_;) {
            const auto sent = send(visitor_.socket.get(), from + done, count - done, MSG_NOSIGNAL);
            if (sent >= 0)
                done += static_cast<size_t>(sent);
            else if (errno == EAGAIN)
                broken_ = !wait_for(visitor_.socket.get(), POLLOUT, patience(begun, static_cast<int64_t>(done)));
            else if (errno != EINTR)
                broken_ = true;
        }
        return broken_ ? -1 : static_cast<ssize_t>(count);
    }
    void get_remote_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    void get_local_ip_and_port(std::string& ip, int& port) const override { ip.clear(), port = 0; }
    socket_t socket() const override { return 0; }  // asked for whether select() could wait for it, which is not used

    // After the answer: what came behind the request is left for the next one. False where some of the body was not
    // read, so that nobody knows where the next one begins.
    bool finish(bool body_read) {
        visitor_.buffer.erase(0, used_);
        return !broken_ && (body_read || !visitor_.head.has_body());
    }

  private:
    // Who sends or reads slowly has as long as what passed so far is worth.
    Clock::time_point patience(Clock::time_point begun, int64_t bytes) const {
        const std::chrono::seconds worth(bytes / std::max<int64_t>(1, limits_.body_rate));
        return std::min(begun + worth, Clock::now()) + limits_.stall;
    }

    bool receive() {
        visitor_.buffer.clear();
        used_ = 0;
        const Clock::time_point until = patience(begun_, received_);
        visitor_.buffer.resize(kPiece);
        ssize_t got = -1;
        while ((got = recv(visitor_.socket.get(), visitor_.buffer.data(), kPiece, 0)) < 0) {
            if (errno == EINTR) continue;
            late_ = errno == EAGAIN && !wait_for(visitor_.socket.get(), POLLIN, until);
            if (late_ || errno != EAGAIN) break;
        }
        if (place_ && got > 0) place_->received(got);
        if (place_ && got == 0) late_ = place_->sent_away();
        visitor_.buffer.resize(got > 0 ? static_cast<size_t>(got) : 0);
        received_ += std::max<ssize_t>(got, 0);
        return got > 0;
    }

    Visitor& visitor_;
    Bodies::Place* const place_;  // of a body that is received; null where it is there
    const HttpLimits& limits_;
    const std::string head_;
    size_t at_ = 0, used_ = 0;  // of the head; of the visitor's buffer
    int64_t left_;              // of the body
    int64_t received_ = 0;      // of it, from the socket
    Clock::time_point begun_ = Clock::now();
    bool broken_ = false, late_ = false;
    ChunkSizes chunks_;
};

std::string head_for_library(const Head& head, bool keep_alive) {
    const bool may_have_body = head.method == "POST";
    std::string text = may_have_body ? "POST" : head.method == "HEAD" ? "HEAD" : "GET";
    text += " / HTTP/1.1\r\n";
    if (may_have_body)
        text += head.chunked ? "Transfer-Encoding: chunked\r\n"
                             : concat("Content-Length: ", head.length.value_or(0), "\r\n");
    return text + (keep_alive ? "\r\n" : "Connection: close\r\n\r\n");
}

}  // namespace

class Http::Exchange : private httplib::Server, private Body {
  public:
    Exchange(Http& http, Visitor& visitor, Bodies::Place* place)
        : http_(http),
          visitor_(visitor),
          keep_alive_(visitor.head.keep_alive && !http.stopping_),
          wire_(visitor, place, http.limits_, head_for_library(visitor.head, keep_alive_)) {
        visitor.buffer.erase(0, visitor.head.bytes);
        svr_sock_ = visitor.socket.get();  // compared with none: whether the server still runs
        set_keep_alive_timeout(std::chrono::duration_cast<std::chrono::seconds>(http.limits_.idle).count());
        set_keep_alive_max_count(kManyRequests);
        set_payload_max_length(SIZE_MAX);  // receive() knows better
        set_pre_routing_handler([this](const httplib::Request& request, httplib::Response& response) {
            if (request.method == "POST") return HandlerResponse::Unhandled;
            answer(response);
            return HandlerResponse::Handled;
        });
        Post("/", [this](const httplib::Request&, httplib::Response& response, const httplib::ContentReader& reader) {
            reader_ = &reader;
            answer(response);
        });
    }

    // False where the connection has to end.
    bool run() {
        bool closed = false;
        const bool written = process(*this, closed);
        return wire_.finish(body_read_) && written && !closed && keep_alive_;
    }

  private:
    // The library's two versions ask for different things.
    template <class Self>
    static bool process(Self& self, bool& closed) {
        const std::function<void(httplib::Request&)> nothing;
        const bool close = !self.keep_alive_;
        if constexpr (requires { self.process_request(self.wire_, close, closed, nothing); })
            return self.process_request(self.wire_, close, closed, nothing);
        else
            return self.process_request(self.wire_, "", 0, "", 0, close, closed, nothing);
    }

    Answer handle() try {
        const Target target = parse_target(visitor_.head.target);
        Request request{.method = visitor_.head.method == "HEAD" ? "GET" : visitor_.head.method,
                        .path = target.path,
                        .query = target.query,
                        .headers = visitor_.head.headers,
                        .body = this,
                        .head_only = visitor_.head.method == "HEAD",
                        .connected = [this] { return wire_.connected() && !http_.stopping_; },
                        .connections = http_.lobby_.connections()};
        return http_.handler_(request);
    } catch (const HttpError& error) {
        return error_answer(error);
    } catch (const std::exception&) {
        return error_answer({500, "internal_error", "the server failed at this request"});
    }

    void answer(httplib::Response& response) { send(handle(), response); }

    void send(Answer answer, httplib::Response& response) const {
        response.status = answer.status;
        for (const auto& [name, value] : answer.headers) response.set_header(name, value);
        // What was not read of the body stands where the next request would begin.
        if (keep_alive_ && visitor_.head.has_body() && !body_read_) response.set_header("Connection", "close");
        const bool head = visitor_.head.method == "HEAD";
        if (head && !answer.file) response.set_header("Accept-Ranges", "none");  // the library would say otherwise
        if (answer.stream) {
            const auto provider = [stream = std::move(answer.stream)](size_t, httplib::DataSink& sink) {
                const bool goes_on =
                    stream([&](std::string_view bytes) { return sink.write(bytes.data(), bytes.size()); });
                if (!goes_on) sink.done();
                return true;
            };
            if (visitor_.head.old)
                response.set_content_provider(answer.type, provider);  // ends with the connection
            else
                response.set_chunked_content_provider(answer.type, provider);
        } else if (answer.file && answer.file->count > 0) {
            send(*answer.file, answer.type, response);
        } else if (!answer.body.empty()) {
            response.set_content(answer.body, answer.type);
        }
    }

    static void send(const Answer::File& part, const std::string& type, httplib::Response& response) {
        response.set_content_provider(
            static_cast<size_t>(part.count), type, [part](size_t offset, size_t left, httplib::DataSink& sink) {
                std::array<char, kPiece> piece;
                const auto got = pread(part.file->get(), piece.data(), std::min(piece.size(), left),
                                       part.first + static_cast<int64_t>(offset));
                return got > 0 && sink.write(piece.data(), static_cast<size_t>(got));
            });
    }

    // Body. What `take` throws does not pass through the library.
    void receive(int64_t most, const std::function<void(std::string_view)>& take) override {
        const HttpError too_large{413, "body_too_large", concat("the request's body is larger than ", most, " bytes")};
        if (visitor_.head.length.value_or(0) > most) throw too_large;
        if (!reader_ || !visitor_.head.has_body()) return;
        if (visitor_.head.expects_continue) {
            constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
            wire_.write(kContinue.data(), kContinue.size());
        }
        wire_.expect(most);
        std::exception_ptr thrown;
        int64_t bytes = 0;
        const bool whole = (*reader_)([&](const char* piece, size_t count) {
            try {
                bytes += static_cast<int64_t>(count);
                if (bytes > most) throw too_large;
                take({piece, count});
                return true;
            } catch (...) {
                thrown = std::current_exception();
                return false;
            }
        });
        if (thrown) std::rethrow_exception(thrown);
        if (wire_.late()) throw HttpError{408, "request_timeout", "the request's body did not arrive in time"};
        if (!whole) throw HttpError{400, "malformed_request", "the request's body is malformed or ends early"};
        body_read_ = true;
        wire_.received_all();
    }

    Http& http_;
    Visitor& visitor_;
    const bool keep_alive_;
    Wire wire_;
    const httplib::ContentReader* reader_ = nullptr;
    bool body_read_ = false;
};

Http::Http(Listening listening, const HttpLimits& limits, Lasts lasts, Handler handler)
    : limits_(limits),
      lasts_(std::move(lasts)),
      handler_(std::move(handler)),
      bodies_(limits_),
      workers_(limits.threads),
      lobby_(std::move(listening.socket), limits_,
             [this](std::unique_ptr<Visitor> visitor) { admit(std::move(visitor)); }) {}

Http::~Http() {
    stopping_ = true;
    lobby_.close();
    workers_.finish();
}

void Http::admit(std::unique_ptr<Visitor> visitor) {
    const Head& head = visitor->head;
    const bool lasts = lasts_(head);
    const bool receives =
        head.chunked || head.expects_continue || head.length.value_or(0) > static_cast<int64_t>(limits_.small_body);
    std::shared_ptr<Bodies::Place> place = receives ? bodies_.enter(visitor->socket.get()) : nullptr;
    if ((receives && !place) || (lasts && lasting_ >= limits_.lasting)) {
        HttpError busy{503, "busy", "the server has as many requests of this kind as it takes at once; try again soon"};
        busy.headers = {{"Retry-After", "2"}};
        place.reset();
        return lobby_.refuse(std::move(visitor), busy);
    }
    if (lasts) ++lasting_;
    const auto shared = std::make_shared<std::unique_ptr<Visitor>>(std::move(visitor));
    workers_.start([this, shared, place = std::move(place), lasts]() mutable {
        serve(std::move(*shared), std::move(place));
        if (lasts) --lasting_;
    });
}

void Http::serve(std::unique_ptr<Visitor> visitor, std::shared_ptr<Bodies::Place> place) {
    const int on = 1;  // an answer leaves at once, not when its head was acknowledged
    setsockopt(visitor->socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    bool stays = false;
    try {
        stays = Exchange(*this, *visitor, place.get()).run();
    } catch (const std::exception&) {  // no memory for the library's own: this connection ends
    }
    place.reset();
    lobby_.take_back(std::move(visitor), stays);
}

}  // namespace t3video::server
