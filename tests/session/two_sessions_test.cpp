// Sessions side by side, each on its own thread: they share nothing but the process.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "session/session.h"
#include "support/films.h"

namespace t3video::session {
namespace {

using namespace testing;

std::string film_by(Session& session, const film::Request& request, Observer& observer, std::stop_token stop = {}) {
    return read_file(session.make(request, observer, std::move(stop)).video);
}

// One of them is stopped in the middle of a film, and goes on; the other hears nothing of it.
TEST(TwoSessions, OneIsStoppedInTheMiddle) {
    const TemporaryFolder folder;
    const auto request = [&](const std::string& name, uint64_t seed) {
        film::Request r = tiny_request(folder / (name + ".y4m"));
        r.settings.steps = 4;
        r.seed = seed;
        return r;
    };
    Observer nobody;
    Session alone{Context(2)};
    const std::string first = film_by(alone, request("a", 1), nobody), second = film_by(alone, request("b", 2), nobody);

    std::string stopped_film, other_film;
    std::atomic<bool> stopped{false}, interrupted{false};
    std::thread one([&] {
        Session session{Context(2)};
        std::stop_source stop;
        Listener listener;
        listener.at = [&](const std::string& stage, int64_t done) {
            if (stage == "denoise" && done == 2) stop.request_stop();
        };
        try {
            film_by(session, request("c", 1), listener, stop.get_token());
        } catch (const Stopped&) {
            interrupted = true;
        }
        stopped = true;
        stopped_film = film_by(session, request("c", 1), nobody);
    });
    std::thread two([&] {
        Session session{Context(2)};
        Observer own;
        for (int i = 0; i < 20 && !stopped; ++i) film_by(session, request("d" + std::to_string(i), 3), own);
        other_film = film_by(session, request("e", 2), own);
    });
    one.join();
    two.join();
    EXPECT_TRUE(interrupted);
    EXPECT_EQ(stopped_film, first);
    EXPECT_EQ(other_film, second);
}

}  // namespace
}  // namespace t3video::session
