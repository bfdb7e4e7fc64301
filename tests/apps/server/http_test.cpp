// Connections: good ones, slow ones, those that send nonsense, and too many of them.
#include "apps/server/http/http.h"

#include <gtest/gtest.h>

#include <deque>
#include <latch>
#include <stdexcept>
#include <thread>

#include "core/error.h"
#include "support/talk.h"

namespace t3video::server {
namespace {

using testing::status_of;
using testing::Talk;
using namespace std::chrono_literals;

constexpr const char* kHost = " HTTP/1.1\r\nHost: localhost\r\n";

std::string get(const std::string& path) {
    return "GET " + path + kHost + "\r\n";
}
std::string post(const std::string& path, const std::string& body) {
    return "POST " + path + kHost + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

// /echo answers with the body; /say/... with its path; /throw does that.
class HttpTest : public ::testing::Test {
  protected:
    void start(HttpLimits limits = {}) {
        limits_ = limits;
        Listening listening = listen_at("127.0.0.1", 0);
        port_ = listening.port;
        http_ = std::make_unique<Http>(
            std::move(listening), limits, [](const Head& head) { return head.target == "/lasts"; },
            [this](Request& request) { return answer(request); });
    }

    Answer answer(Request& request) {
        if (request.path == "/throw") throw std::runtime_error("/secret/path");
        if (request.path == "/refuse") throw HttpError{404, "not_found", "no"};
        if (request.path == "/lasts") {
            lasting_.count_down();
            while (request.connected()) std::this_thread::sleep_for(5ms);
            return {.status = 200, .type = "text/plain", .body = "over"};
        }
        if (request.path == "/stream") {
            Answer stream{.type = "text/event-stream"};
            stream.stream = [left = 3](const Sink& sink) mutable { return sink("data: x\n\n") && --left > 0; };
            return stream;
        }
        std::string body;
        if (request.path == "/echo") request.body->receive(most_, [&](std::string_view piece) { body += piece; });
        if (request.path.starts_with("/say")) body = request.path;
        return {.type = "text/plain", .body = body};
    }

    std::string ask(const std::string& text, std::string_view end = {}) {
        Talk talk(port_);
        talk.say(text);
        return talk.hear(end);
    }

    HttpLimits limits_;
    std::latch lasting_{1};
    int64_t most_ = 1 << 20;
    int port_ = 0;
    std::unique_ptr<Http> http_;
};

TEST_F(HttpTest, AnswersOneRequestAfterTheOther) {
    start();
    Talk talk(port_);
    talk.say(get("/say/1"));
    const std::string first = talk.hear("/say/1");
    EXPECT_EQ(status_of(first), 200);
    EXPECT_NE(first.find("Content-Length: 6\r\n"), std::string::npos) << first;
    talk.say(get("/say/2") + post("/echo", "three") + get("/say/4"));
    const std::string others = talk.hear("/say/4");
    EXPECT_LT(others.find("/say/2"), others.find("three"));
    EXPECT_NE(others.find("/say/4"), std::string::npos);
}

TEST_F(HttpTest, TakesBodiesOfKnownLengthAndInPieces) {
    start();
    const std::string large(300'000, 'x');
    EXPECT_TRUE(ask(post("/echo", large), large).ends_with(large));
    const std::string pieces = "POST /echo" + std::string(kHost) +
                               "Transfer-Encoding: chunked\r\n\r\n4\r\nwiki\r\n5;a=b\r\npedia\r\n0\r\n\r\n";
    EXPECT_TRUE(ask(pieces + get("/say/next"), "/say/next").find("wikipedia") != std::string::npos);
    EXPECT_EQ(status_of(ask("POST /echo" + std::string(kHost) + "\r\n", "\r\n\r\n")), 200) << "no body at all";
}

TEST_F(HttpTest, SaysContinueBeforeABodyThatWaitsForIt) {
    start();
    Talk talk(port_);
    talk.say("POST /echo" + std::string(kHost) + "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    EXPECT_TRUE(talk.hear("\r\n\r\n").starts_with("HTTP/1.1 100 Continue\r\n"));
    talk.say("later");
    EXPECT_TRUE(talk.hear("later").ends_with("later"));
}

TEST_F(HttpTest, RefusesLargeBodiesAndTheAnswerArrives) {
    start();
    most_ = 1000;
    const std::string large(2'000'000, 'x');
    Talk announced(port_);
    announced.say(post("/echo", large));
    EXPECT_EQ(status_of(announced.hear()), 413);
    Talk pieces(port_);
    pieces.say("POST /echo" + std::string(kHost) + "Transfer-Encoding: chunked\r\n\r\n1e8480\r\n" + large +
               "\r\n0\r\n\r\n");
    EXPECT_EQ(status_of(pieces.hear()), 413);
    EXPECT_EQ(status_of(ask(get("/say"), "/say")), 200);
}

TEST_F(HttpTest, RefusesWhatIsMalformedAndEndsTheConnection) {
    start();
    EXPECT_EQ(status_of(ask("nonsense\r\n\r\n")), 400);
    EXPECT_EQ(status_of(ask(std::string(100, '\0') + "\r\n\r\n")), 400);
    EXPECT_EQ(status_of(ask("GET /" + std::string(100'000, 'a'))), 414);
    EXPECT_EQ(status_of(ask("POST /echo" + std::string(kHost) + "Transfer-Encoding: chunked\r\n\r\nzz\r\n")), 400);
    const std::string error = ask("GET /%zz" + std::string(kHost) + "\r\n", "}}\n");
    EXPECT_EQ(status_of(error), 400);
    EXPECT_NE(error.find("\"error\""), std::string::npos);
}

TEST_F(HttpTest, TellsNothingOfItsOwnFailures) {
    start();
    const std::string answer = ask(get("/throw"), "}}\n");
    EXPECT_EQ(status_of(answer), 500);
    EXPECT_EQ(answer.find("secret"), std::string::npos) << answer;
    EXPECT_EQ(status_of(ask(get("/refuse"), "}}\n")), 404);
}

TEST_F(HttpTest, StreamsAnswersWithoutAnEnd) {
    start();
    const std::string answer = ask(get("/stream"), "0\r\n\r\n");
    EXPECT_NE(answer.find("Transfer-Encoding: chunked"), std::string::npos);
    EXPECT_NE(answer.find("data: x\n\n"), std::string::npos);
}

TEST_F(HttpTest, ToOldClientsTheyEndWithTheConnection) {
    start();
    const std::string answer = ask("GET /stream HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
    EXPECT_EQ(status_of(answer), 200);
    EXPECT_EQ(answer.find("chunked"), std::string::npos) << answer;
    EXPECT_TRUE(answer.ends_with("\r\n\r\ndata: x\n\ndata: x\n\ndata: x\n\n")) << answer;
}

// As long as something passes.
TEST_F(HttpTest, SlowReadersGetAllOfALongAnswer) {
    HttpLimits limits;
    limits.stall = 300ms;
    most_ = 20 << 20;
    start(limits);
    const std::string body(16 << 20, 'x');
    Talk talk(port_);
    std::thread sender([&] { talk.say(post("/echo", body)); });
    size_t heard = 0;
    while (heard < body.size()) {
        const size_t some = talk.hear_some().size();
        if (some == 0) break;
        heard += some;
        std::this_thread::sleep_for(2ms);
    }
    sender.join();
    EXPECT_GE(heard, body.size());
}

TEST_F(HttpTest, AnswersHeadWithoutABody) {
    start();
    const std::string answer = ask("HEAD /say" + std::string(kHost) + "Connection: close\r\n\r\n");
    EXPECT_NE(answer.find("Content-Length: 4\r\n"), std::string::npos);
    EXPECT_TRUE(answer.ends_with("\r\n\r\n"));
}

// As many as there may be say nothing, or one letter; whoever has something to say is answered all the same.
TEST_F(HttpTest, SlowConnectionsStopNobody) {
    HttpLimits limits;
    limits.connections = 16;
    limits.threads = 2;
    start(limits);
    std::deque<Talk> slow;
    for (int i = 0; i < 64; ++i) {
        slow.emplace_back(port_);
        if (i % 2 == 0) slow.back().say("G");
        if (i % 16 == 0) {
            EXPECT_EQ(status_of(ask(get("/say"), "/say")), 200) << i;
        }
    }
    EXPECT_EQ(status_of(ask(get("/say"), "/say")), 200);
}

TEST_F(HttpTest, SizesOfPiecesAreHexadecimalDigits) {
    start();
    const auto answer = [&](const std::string& pieces) {
        return ask(std::string("POST /echo") + kHost + "Transfer-Encoding: chunked\r\n\r\n" + pieces, "end");
    };
    for (const char* right : {"3\r\nend\r\n0\r\n\r\n", "03;a=\"b\"\r\nend\r\n0\r\n\r\n",
                              "A\r\n0123456789\r\n00000c\r\n\r\n-2\r\n012end\r\n0\r\n\r\n"})
        EXPECT_EQ(status_of(answer(right)), 200) << right;
    for (const char* wrong :
         {"-2\r\nend\r\n0\r\n\r\n", "+3\r\nend\r\n0\r\n\r\n", " 3\r\nend\r\n0\r\n\r\n", "0x3\r\nend\r\n0\r\n\r\n",
          "3\r\nendx\r\n0\r\n\r\n", "0000000000000003\r\nend\r\n0\r\n\r\n", "3\r\nend\r\n-1\r\n\r\n"})
        EXPECT_EQ(status_of(answer(wrong)), 400) << wrong;
}

TEST_F(HttpTest, SlowBodiesMakeWayForOthers) {
    HttpLimits limits;
    limits.bodies = 2;
    limits.small_body = 10;
    limits.stall = 2s;  // slow after a tenth of it
    start(limits);
    const std::string head = std::string("POST /echo") + kHost + "Content-Length: 50000\r\n\r\n";
    Talk first(port_), second(port_);
    for (Talk* slow : {&first, &second}) slow->say(head + "x");
    std::this_thread::sleep_for(50ms);
    EXPECT_EQ(status_of(ask(post("/echo", std::string(50'000, 'y')))), 503) << "nobody is slow yet";
    std::this_thread::sleep_for(400ms);
    const std::string body(300'000, 'z');
    EXPECT_TRUE(ask(post("/echo", body), body).ends_with(body));
    // One of both went, told why; the other one has its time.
    const auto told = [](Talk& talk) { return status_of(talk.hear()); };
    EXPECT_EQ(told(first), 408);
    second.say(std::string(49'999, 'x'));
    EXPECT_EQ(status_of(second.hear(std::string(50'000, 'x'))), 200);
}

TEST_F(HttpTest, RequestsThatDoNotArriveAreTold) {
    HttpLimits limits;
    limits.head = limits.stall = 300ms;
    limits.small_body = 10;
    start(limits);
    EXPECT_EQ(status_of(ask("GET / HTTP/1.1\r\n")), 408);
    EXPECT_EQ(status_of(ask("POST /echo" + std::string(kHost) + "Content-Length: 5\r\n\r\nabc")), 408)
        << "waits in the lobby";
    EXPECT_EQ(status_of(ask("POST /echo" + std::string(kHost) + "Content-Length: 50\r\n\r\nabc")), 408)
        << "waits with a thread";
    Talk ends(port_);
    ends.say("POST /echo" + std::string(kHost) + "Content-Length: 50\r\n\r\nabc");
    ends.say_no_more();
    EXPECT_EQ(status_of(ends.hear()), 400);
}

TEST_F(HttpTest, LastingAnswersLeaveRoomForOthers) {
    HttpLimits limits;
    limits.lasting = 1;
    start(limits);
    Talk lasting(port_);
    lasting.say(get("/lasts"));
    lasting_.wait();
    const std::string second = ask(get("/lasts"));
    EXPECT_EQ(status_of(second), 503);
    EXPECT_NE(second.find("Retry-After: "), std::string::npos);
    EXPECT_EQ(status_of(ask(get("/say"), "/say")), 200);
    http_.reset();  // ends the lasting one, too
    EXPECT_TRUE(lasting.hear().ends_with("over"));
}

TEST(Listening, SaysWhyAPortCannotBeHad) {
    const Listening first = listen_at("127.0.0.1", 0);
    EXPECT_TRUE(first.loopback);
    try {
        listen_at("127.0.0.1", first.port);
        ADD_FAILURE();
    } catch (const InvalidRequest& error) {
        EXPECT_NE(std::string(error.what()).find("another program has it"), std::string::npos) << error.what();
    }
    EXPECT_THROW(listen_at("no such host.invalid", 0), InvalidRequest);
    EXPECT_FALSE(listen_at("0.0.0.0", 0).loopback);
}

}  // namespace
}  // namespace t3video::server
