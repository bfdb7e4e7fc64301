// What listeners hear of films: the present state first, then what is new, then nothing.
#include "serving/events.h"

#include <gtest/gtest.h>

#include <thread>

namespace t3video::serving {
namespace {

using namespace std::chrono_literals;

Entry film(State state = State::running) {
    Entry entry;
    entry.id = "a";
    entry.state = state;
    return entry;
}

std::string names(const std::vector<Event>& events) {
    std::string all;
    for (const Event& event : events) all += std::string(event.name()) + " ";
    return all;
}

TEST(Events, ALateListenerHearsTheStateThenTheNews) {
    EventHub hub;
    hub.tell("a", {.stage = "denoise", .unit = "steps", .done = 3, .of = 9, .preview = 2});
    const auto listener = hub.subscribe(film());
    const auto first = listener->next(0ms);
    EXPECT_EQ(names(first), "stage step preview ");
    EXPECT_EQ(first[1].progress.done, 3);
    EXPECT_EQ(names(listener->next(1ms)), "");
    hub.tell("a", {.stage = "denoise", .unit = "steps", .done = 4, .of = 9, .preview = 2});
    hub.tell("a", {.stage = "denoise", .unit = "steps", .done = 5, .of = 9, .preview = 2});
    const auto second = listener->next(0ms);
    EXPECT_EQ(names(second), "step ");
    EXPECT_EQ(second[0].progress.done, 5);
    hub.tell("a", {.stage = "decode", .unit = "frames", .of = 5, .preview = 2});
    hub.end("a", State::completed, {});
    EXPECT_EQ(names(listener->next(0ms)), "stage step done ");
    EXPECT_TRUE(listener->over());
    EXPECT_EQ(names(listener->next(0ms)), "");
    EXPECT_FALSE(hub.progress("a"));
}

TEST(Events, AQueuedFilmSaysWhyItWaits) {
    EventHub hub;
    const auto listener = hub.subscribe(film(State::queued));
    EXPECT_EQ(names(listener->next(0ms)), "waiting ");
    hub.tell_waiting("the disk is full");
    const auto events = listener->next(0ms);
    ASSERT_EQ(names(events), "waiting ");
    EXPECT_EQ(events[0].progress.waiting, "the disk is full");
    hub.tell_waiting("the disk is full");
    EXPECT_EQ(names(listener->next(1ms)), "");
    hub.end("a", State::cancelled, {"cancelled", "why"});
    const auto last = listener->next(0ms);
    ASSERT_EQ(names(last), "error ");
    EXPECT_EQ(last[0].failure.code, "cancelled");
}

TEST(Events, OfAFilmThatIsOverOnlyTheEnd) {
    EventHub hub;
    EXPECT_EQ(names(hub.subscribe(film(State::completed))->next(0ms)), "done ");
    EXPECT_EQ(names(hub.subscribe(film(State::failed))->next(0ms)), "error ");
}

TEST(Events, AListenerThatWaitsIsWokenByNewsAndByTheEnd) {
    EventHub hub;
    const auto listener = hub.subscribe(film());
    EXPECT_EQ(names(listener->next(0ms)), "waiting ");
    std::thread teller([&] { hub.tell("a", {.stage = "text", .of = 1}); });
    EXPECT_EQ(names(listener->next(60s)), "stage step ");
    teller.join();
    std::thread closer([&] { hub.close(); });
    EXPECT_EQ(names(listener->next(60s)), "");
    closer.join();
    EXPECT_TRUE(listener->over());
    const auto late = hub.subscribe(film());
    EXPECT_EQ(names(late->next(60s)), "stage step ");
    EXPECT_TRUE(late->over());
}

}  // namespace
}  // namespace t3video::serving
