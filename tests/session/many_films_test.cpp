// Films after films in one process, as a batch makes them: memory does not grow.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "session/session.h"
#include "support/films.h"
#include "support/memory.h"

namespace t3video::session {
namespace {

using namespace testing;

// T3VIDEO_FILMS=200 for the thorough run.
int64_t films_to_make() {
    const char* text = std::getenv("T3VIDEO_FILMS");
    return text ? std::stoll(text) : 30;
}

// Between the 20th film and the last.
void expect_flat(int64_t after_twenty, int64_t films) {
    ASSERT_GT(after_twenty, 0);
    const int64_t growth = memory_kb("RssAnon") - after_twenty;
    std::cout << after_twenty << " kB after 20 films, " << growth << " kB more after " << films << "\n";
    EXPECT_LT(growth, 10 * 1024);
}

TEST(ManyFilms, MemoryStaysAsItIsAfterTheFirstTwenty) {
    if (!kMemoryIsMeasurable) GTEST_SKIP() << "sanitizers keep what is freed";
    const int64_t films = films_to_make();
    const TemporaryFolder folder;
    Session session{Context()};
    Observer observer;
    film::Request request;
    request.settings = {.width = 96, .height = 64, .frames = 5, .steps = 2};
    int64_t after_twenty = 0;
    for (int64_t i = 0; i < films; ++i) {
        request.prompt = "Film " + std::to_string(i) + " of a red ball.";
        request.seed = static_cast<uint64_t>(i);
        request.output = folder / ("film" + std::to_string(i) + ".y4m");
        session.make(request, observer);
        if (i + 1 == 20) after_twenty = memory_kb("RssAnon");
    }
    expect_flat(after_twenty, films);
}

// What is kept for a size (primitives, graphs, algorithms) goes again. The largest films come first.
TEST(ManyFilms, OfManySizesToo) {
    if (!kMemoryIsMeasurable) GTEST_SKIP() << "sanitizers keep what is freed";
    const int64_t films = films_to_make();
    const TemporaryFolder folder;
    Session session{Context()};
    Observer observer;
    film::Request request = tiny_request({});
    int64_t after_twenty = 0;
    for (int64_t i = 0; i < films; ++i) {
        request.settings.width = 16 * (16 - i % 15);
        request.settings.height = 16 * (16 - i / 15);
        request.output = folder / ("film" + std::to_string(i) + ".y4m");
        request.contact_sheet = false;
        session.make(request, observer);
        if (i + 1 == 20) after_twenty = memory_kb("RssAnon");
    }
    expect_flat(after_twenty, films);
}

}  // namespace
}  // namespace t3video::session
