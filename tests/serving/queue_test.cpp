// The queue in SQLite: what is accepted stays, in which order films are due, caps, and versions of the table.
#include <gtest/gtest.h>

#include "serving/refusal.h"
#include "serving/sqlite_queue.h"
#include "support/errors.h"
#include "support/files.h"

namespace t3video::serving {
namespace {

using namespace testing;

Entry film(const std::string& id, const std::string& model = "demo", int priority = 0, const std::string& key = "") {
    Entry entry;
    entry.id = id;
    entry.key = key;
    entry.priority = priority;
    entry.model = model;
    entry.fields = {{"prompt", "A \"red\" ball\nand \xE2\x9C\x93"}, {"lora", "a:1"}, {"lora", "b:2"}};
    entry.container = ".mp4";
    entry.film = {.width = 96, .height = 64, .frames = 5, .steps = 2, .fps = 12.5};
    entry.estimate = 1.5;
    return entry;
}

struct QueueTest : ::testing::Test {
    TemporaryFolder folder;
    std::filesystem::path file = folder / "queue.sqlite";
    std::string next(SqliteQueue& queue, const std::string& kind = "") {
        const auto entry = queue.lease("me", 60, kind);
        return entry ? entry->id : "";
    }
};

TEST_F(QueueTest, AnAcceptedFilmIsThereAgainInEveryDetail) {
    { SqliteQueue(file).add(film("a", "demo", 3, "key"), {}); }
    SqliteQueue queue(file);
    const Entry entry = queue.find("a").value();
    EXPECT_EQ(entry.fields, film("a").fields);
    EXPECT_EQ(entry.key, "key");
    EXPECT_EQ(entry.priority, 3);
    EXPECT_EQ(entry.kind(), "demo 96x64");
    EXPECT_EQ(entry.film.fps, 12.5);
    EXPECT_EQ(entry.state, State::queued);
    EXPECT_NEAR(static_cast<double>(entry.created), static_cast<double>(unix_time()), 100);
    EXPECT_FALSE(queue.find("b"));
}

TEST_F(QueueTest, PrioritiesGoFirstThenTheSameKindThenTheOldest) {
    SqliteQueue queue(file);
    queue.add(film("old"), {});
    queue.add(film("other", "wan"), {});
    queue.add(film("urgent", "wan", 1), {});
    queue.add(film("young"), {});
    EXPECT_EQ(queue.ahead_of(*queue.find("young")).films, 3);
    EXPECT_EQ(queue.ahead_of(*queue.find("young")).seconds, 4.5);
    const Entry both[] = {*queue.find("other"), *queue.find("urgent")};
    EXPECT_EQ(queue.ahead_of(std::span(both))[0].films, 2);
    EXPECT_EQ(queue.ahead_of(std::span(both))[1].films, 0);
    EXPECT_EQ(next(queue, "demo 96x64"), "urgent");
    EXPECT_EQ(next(queue, "wan 96x64"), "other");
    EXPECT_EQ(next(queue, "wan 96x64"), "old");
    EXPECT_EQ(next(queue, "wan 96x64"), "young");
    EXPECT_EQ(next(queue), "");
}

TEST_F(QueueTest, WhatRanIsDueAgainFirstOnceItsServerIsGone) {
    {
        SqliteQueue queue(file);
        queue.add(film("first"), {});
        queue.add(film("second"), {});
        queue.add(film("cancelled"), {});
        EXPECT_EQ(next(queue), "first");
        EXPECT_EQ(next(queue), "second");
        EXPECT_EQ(next(queue), "cancelled");
        queue.cancel("cancelled", 0);
        queue.add(film("third"), {});
    }
    SqliteQueue queue(file);
    queue.release_all([](const std::string&) { return 0; }, 0);
    EXPECT_EQ(queue.find("cancelled")->state, State::cancelled);
    EXPECT_EQ(queue.find("first")->state, State::queued);
    EXPECT_EQ(next(queue), "first");
    EXPECT_EQ(next(queue), "second");
    EXPECT_EQ(next(queue), "third");
}

TEST_F(QueueTest, AFilmAtWhichServersEndAgainAndAgainFails) {
    SqliteQueue queue(file);
    queue.add(film("fatal"), {});
    const auto end_at = [&](int64_t step) {
        EXPECT_EQ(next(queue), "fatal");
        queue.release_all([=](const std::string&) { return step; }, 77);
        return queue.find("fatal").value();
    };
    for (int64_t i = 1; i < Queue::kMostEnds; ++i) EXPECT_EQ(end_at(2).state, State::queued);
    for (int64_t i = 1; i < Queue::kMostEnds; ++i) EXPECT_EQ(end_at(3).state, State::queued) << "it went on by a step";
    queue.add(film("other"), {});
    const Entry failed = end_at(3);
    EXPECT_EQ(failed.state, State::failed);
    EXPECT_EQ(failed.failure.code, "crashed");
    EXPECT_EQ(failed.expires, 77);
    EXPECT_EQ(next(queue), "other");
    queue.finish("other", State::completed, {}, 0, 0);
    queue.resume("fatal", {});
    EXPECT_EQ(end_at(3).state, State::queued) << "a resumed film has all its tries";
}

TEST_F(QueueTest, ALeaseThatRanOutIsAnothersToTake) {
    SqliteQueue queue(file);
    queue.add(film("a"), {});
    EXPECT_EQ(queue.lease("dead", -1, "")->id, "a");
    EXPECT_EQ(next(queue), "a");
    EXPECT_EQ(queue.find("a")->attempts, 2);
    EXPECT_EQ(next(queue), "");
    queue.renew("me", -1);
    EXPECT_EQ(next(queue), "a");
}

TEST_F(QueueTest, AFilmThatIsPutBackWaitsUntilItsTime) {
    SqliteQueue queue(file);
    queue.add(film("a"), {});
    EXPECT_EQ(next(queue), "a");
    queue.put_back("a", unix_time() + 1000, 0);
    EXPECT_EQ(next(queue), "");
    EXPECT_EQ(queue.find("a")->state, State::queued);
    queue.add(film("b"), {});
    EXPECT_EQ(next(queue), "b");
    queue.cancel("b", 0);
    queue.put_back("b", 0, 0);
    EXPECT_EQ(queue.find("b")->state, State::cancelled);
    EXPECT_EQ(next(queue), "");
}

TEST_F(QueueTest, CancelledAndFailedFilmsResumeOthersDoNot) {
    SqliteQueue queue(file);
    queue.add(film("a"), {});
    EXPECT_EQ(refusal([&] { queue.resume("a", {}); }), Refused::Kind::wrong_state);
    EXPECT_EQ(queue.cancel("a", 77)->state, State::cancelled);
    EXPECT_EQ(queue.find("a")->failure.code, "cancelled");
    EXPECT_EQ(queue.find("a")->expires, 77);
    EXPECT_EQ(next(queue), "");
    EXPECT_EQ(queue.resume("a", {}).state, State::queued);
    EXPECT_EQ(queue.find("a")->expires, 0);
    EXPECT_EQ(next(queue), "a");
    queue.finish("a", State::failed, {"failed", "weights are not finite"}, 10, 0);
    EXPECT_EQ(queue.find("a")->failure.message, "weights are not finite");
    queue.resume("a", {});
    EXPECT_EQ(next(queue), "a");
    queue.finish("a", State::completed, {}, 10, 0);
    EXPECT_EQ(queue.cancel("a", 0)->state, State::completed);
    EXPECT_EQ(refusal([&] { queue.resume("a", {}); }), Refused::Kind::wrong_state);
    EXPECT_EQ(refusal([&] { queue.resume("b", {}); }), Refused::Kind::unknown);
    EXPECT_FALSE(queue.cancel("b", 0));
}

TEST_F(QueueTest, CapsOfAKeyAndOfAll) {
    SqliteQueue queue(file);
    queue.add(film("a", "demo", 0, "x"), {.of_key = 1, .of_all = 3});
    EXPECT_EQ(refusal([&] { queue.add(film("b", "demo", 0, "x"), {.of_key = 1, .of_all = 3}); }),
              Refused::Kind::cap_reached);
    queue.add(film("b", "demo", 0, "y"), {.of_key = 1, .of_all = 3});
    queue.add(film("c", "demo", 0, "z"), {.of_key = 1, .of_all = 3});
    EXPECT_EQ(refusal([&] { queue.add(film("d", "demo", 0, "w"), {.of_key = 1, .of_all = 3}); }),
              Refused::Kind::cap_reached);
    EXPECT_FALSE(queue.find("d"));
    queue.cancel("a", 0);
    queue.add(film("d", "demo", 0, "w"), {.of_key = 1, .of_all = 3});
    EXPECT_EQ(refusal([&] { queue.resume("a", {.of_all = 3}); }), Refused::Kind::cap_reached);
}

TEST_F(QueueTest, ListsInPages) {
    SqliteQueue queue(file);
    for (int i = 0; i < 5; ++i) queue.add(film(concat("f", i), "demo", 0, i % 2 == 0 ? "even" : "odd"), {});
    const auto ids = [](const Page& page) {
        std::string all;
        for (const Entry& entry : page.entries) all += entry.id + " ";
        return all + (page.more ? "..." : "");
    };
    EXPECT_EQ(ids(queue.list({.limit = 2})), "f4 f3 ...");
    EXPECT_EQ(ids(queue.list({.after = "f3", .limit = 3})), "f2 f1 f0 ");
    EXPECT_EQ(ids(queue.list({.after = "f1", .limit = 2, .newest_first = false})), "f2 f3 ...");
    EXPECT_EQ(ids(queue.list({.limit = 9, .key = "odd"})), "f3 f1 ");
    EXPECT_EQ(refusal([&] { queue.list({.after = "none"}); }), Refused::Kind::unknown);
    EXPECT_EQ(refusal([&] { queue.list({.after = "f0", .key = "odd"}); }), Refused::Kind::unknown);
}

TEST_F(QueueTest, ARemovedFilmIsHiddenUntilItsFilesAreGone) {
    SqliteQueue queue(file);
    queue.add(film("a"), {});
    queue.add(film("b"), {});
    EXPECT_EQ(next(queue), "a");
    EXPECT_TRUE(queue.remove("a"));
    EXPECT_TRUE(queue.remove("b"));
    EXPECT_FALSE(queue.remove("b"));
    EXPECT_FALSE(queue.find("a"));
    EXPECT_EQ(next(queue), "");
    EXPECT_EQ(queue.removed(), std::vector<std::string>{"b"});
    queue.forget("b");
    queue.finish("a", State::cancelled, {}, 0, 0);
    EXPECT_EQ(queue.removed(), std::vector<std::string>{"a"});
}

TEST_F(QueueTest, FilmsExpireAndSayWhatTheyUse) {
    SqliteQueue queue(file);
    Entry entry = film("a");
    entry.fields.emplace_back("image", "0123.png");
    queue.add(entry, {});
    EXPECT_TRUE(queue.uses("0123.png"));
    EXPECT_FALSE(queue.uses("012"));
    queue.lease("me", 60, "");
    EXPECT_TRUE(queue.expired(1000).empty());
    queue.finish("a", State::completed, {}, 123, 500);
    EXPECT_TRUE(queue.expired(499).empty());
    EXPECT_EQ(queue.expired(500), std::vector<std::string>{"a"});
    EXPECT_EQ(queue.counts().completed, 1);
    EXPECT_EQ(queue.counts().bytes, 123);
}

// As a server of the first version leaves it: the table without what later versions added.
TEST_F(QueueTest, AnEarlierVersionIsBroughtUpToDate) {
    {
        SqliteQueue queue(file);
        queue.add(film("a"), {});
    }
    {
        Database database(file, Database::Use::writing);
        for (const char* index : {"films_by_state", "films_by_key", "films_that_expire", "films_to_remove"})
            database.script(concat("DROP INDEX ", index));
        for (const char* column : {"ends", "ended_at_step"})
            database.script(concat("ALTER TABLE films DROP COLUMN ", column));
        database.script("PRAGMA user_version = 1");
    }
    SqliteQueue queue(file);
    EXPECT_TRUE(queue.find("a"));
    Database database(file, Database::Use::reading);
    int64_t version = 0, indices = 0;
    database.run("PRAGMA user_version", {}, [&](const Row& row) { version = row.whole(0); });
    database.run("SELECT COUNT(*) FROM sqlite_master WHERE name LIKE 'films_%' AND type = 'index'", {},
                 [&](const Row& row) { indices = row.whole(0); });
    EXPECT_EQ(version, 3);
    EXPECT_EQ(indices, 4);
    EXPECT_EQ(next(queue), "a");
    queue.release_all([](const std::string&) { return 1; }, 0);
    EXPECT_EQ(next(queue), "a");
}

TEST_F(QueueTest, ALaterVersionAndOtherFilesAreRefused) {
    { SqliteQueue queue(file); }
    { Database(file, Database::Use::writing).script("PRAGMA user_version = 99"); }
    expect_invalid([&] { SqliteQueue queue(file); }, {"queue.sqlite", "version 99", "later"});
    write_file(folder / "other", std::string(5000, 'x'));
    expect_invalid([&] { SqliteQueue queue(folder / "other"); }, {"other", "not a database"});
}

TEST_F(QueueTest, AWriteThatIsUnderWayKeepsNoReaderWaiting) {
    SqliteQueue queue(file);
    queue.add(film("a"), {});
    Database writer(file, Database::Use::writing);
    writer.transaction([&] {
        writer.run("UPDATE films SET priority = 9");
        EXPECT_EQ(queue.find("a")->priority, 0);
    });
    EXPECT_EQ(queue.find("a")->priority, 9);
}

}  // namespace
}  // namespace t3video::serving
