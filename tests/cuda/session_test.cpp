// Sessions on a GPU: networks stay there between films, leave where memory is short, and nothing a film does is seen in
// the next.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "cuda/parity.h"
#include "ops/devices.h"
#include "session/session.h"
#include "support/films.h"
#include "support/memory.h"

namespace t3video::session {
namespace {

using namespace testing;

class GpuSession : public ::testing::Test {
  protected:
    void SetUp() override {
        if (ops::cuda_devices().empty()) GTEST_SKIP() << "no GPU";
    }
    static Session make_session(size_t memory = 0) {
        return Session(
            ops::make_context({.device = {Device::cuda}, .compute_type = DType::bf16, .threads = 0, .memory = memory}));
    }
    film::Request request(uint64_t seed = 7) {
        film::Request r = tiny_request(folder_ / concat("film", ++count_, ".y4m"));
        r.settings.steps = 3;
        r.seed = seed;
        r.contact_sheet = false;
        return r;
    }
    std::string film(Session& session, const film::Request& r) { return read_file(session.make(r, listener_).video); }
    std::string fresh(uint64_t seed = 7) {
        Session session = make_session();
        return film(session, request(seed));
    }

    TemporaryFolder folder_;
    Listener listener_;
    int count_ = 0;
};

TEST_F(GpuSession, TheSecondFilmPlacesNothing) {
    Session session = make_session();
    film(session, request());
    EXPECT_EQ(listener_.notes_of("Weights of"), 3u);
    listener_.notes.clear();
    const std::string second = film(session, request(8));
    EXPECT_EQ(listener_.notes_of("Weights of"), 0u);
    EXPECT_EQ(second, fresh(8));
}

TEST_F(GpuSession, SurvivesAStopAndAFailureInEveryStage) {
    const std::string expected = fresh();
    Session session = make_session();
    for (const char* stage : {"text", "denoise", "decode"}) {
        for (const bool stopped : {true, false}) {
            std::stop_source stop;
            listener_.at = [&](const std::string& name, int64_t done) {
                if (name != stage || (name == "denoise" && done == 0)) return;
                if (!stopped) throw OutOfMemory("no more memory");
                stop.request_stop();
            };
            const film::Request r = request();
            try {
                session.make(r, listener_, stop.get_token());
            } catch (const Stopped&) {
            } catch (const OutOfMemory&) {
            }
            listener_.at = nullptr;
            EXPECT_EQ(film(session, request()), expected) << stage;
            std::filesystem::remove(r.output);
            EXPECT_EQ(film(session, r), expected) << stage << ", which goes on";
        }
    }
}

// In the memory that the largest stage alone takes, networks leave for one another, and the films are the same.
TEST_F(GpuSession, NetworksLeaveWhereMemoryIsShort) {
    Session roomy = make_session();
    film::Request r;
    r.prompt = "A ball.";
    r.settings = {.width = 448, .height = 256, .frames = 17, .steps = 2};
    const auto demo = [&](Session& session) {
        r.output = folder_ / concat("demo", ++count_, ".y4m");
        return film(session, r);
    };
    const std::string expected = demo(roomy);
    const size_t needed = listener_.plan->bytes();
    Session tight = make_session(needed + (size_t{8} << 20));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(demo(tight), expected);
}

// T3VIDEO_FILMS=200 for the thorough run. Graphs and algorithms of sizes go again.
TEST_F(GpuSession, ManySizesTakeNoMoreMemory) {
    const char* text = std::getenv("T3VIDEO_FILMS");
    const int64_t films = text ? std::stoll(text) : 30;
    Session session = make_session();
    film::Request r = request();
    r.settings.steps = 1;
    int64_t host = 0, device = 0;
    for (int64_t i = 0; i < films; ++i) {
        r.settings.width = 16 * (16 - i % 15);
        r.settings.height = 16 * (16 - i / 15);
        r.output = folder_ / concat("size", i, ".y4m");
        film(session, r);
        if (i + 1 != 20) continue;
        host = memory_kb("RssAnon");
        device = static_cast<int64_t>(ops::free_memory({Device::cuda}).value_or(0));
    }
    const int64_t host_growth = memory_kb("RssAnon") - host,
                  device_growth = device - static_cast<int64_t>(ops::free_memory({Device::cuda}).value_or(0));
    std::cout << host << " kB on the host after 20 films, " << host_growth << " kB more after " << films << "; "
              << device_growth / 1024 << " kB more on the card\n";
    EXPECT_LT(host_growth, 64 * 1024);
    EXPECT_LT(device_growth, int64_t{128} << 20);
}

}  // namespace
}  // namespace t3video::session
