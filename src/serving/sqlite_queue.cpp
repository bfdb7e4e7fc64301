// The table, its versions, and the statements.
#include "serving/sqlite_queue.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <map>
#include <nlohmann/json.hpp>

namespace t3video::serving {
namespace {

// What brings a database from one version to the next; the first one makes it. The version is SQLite's user_version.
constexpr std::array kVersions = {
    R"(CREATE TABLE films (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE, key TEXT NOT NULL, priority INTEGER NOT NULL,
        model TEXT NOT NULL, kind TEXT NOT NULL, fields TEXT NOT NULL, container TEXT NOT NULL, origin TEXT NOT NULL,
        width INTEGER NOT NULL, height INTEGER NOT NULL, frames INTEGER NOT NULL, steps INTEGER NOT NULL,
        fps REAL NOT NULL, estimate REAL NOT NULL,
        state TEXT NOT NULL, code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
        created INTEGER NOT NULL, begun INTEGER NOT NULL DEFAULT 0, ended INTEGER NOT NULL DEFAULT 0,
        expires INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
        not_before INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
        cancelling INTEGER NOT NULL DEFAULT 0, removing INTEGER NOT NULL DEFAULT 0,
        owner TEXT NOT NULL DEFAULT '', lease INTEGER NOT NULL DEFAULT 0);)",
    R"(CREATE INDEX films_by_state ON films (state, removing, key);
       CREATE INDEX films_by_key ON films (key, number);
       CREATE INDEX films_that_expire ON films (expires) WHERE expires > 0;
       CREATE INDEX films_to_remove ON films (removing) WHERE removing = 1;)",
    // How many times in a row a server ended while it made the film, all at this step.
    R"(ALTER TABLE films ADD COLUMN ends INTEGER NOT NULL DEFAULT 0;
       ALTER TABLE films ADD COLUMN ended_at_step INTEGER NOT NULL DEFAULT -1;)",
};

// Of a film, in the order of entry_of().
std::string select(const std::string& rest) {
    return "SELECT id, number, key, priority, model, fields, container, origin, width, height, frames, steps, fps, "
           "estimate, state, code, message, created, begun, ended, expires, bytes, not_before, attempts, cancelling "
           "FROM films " +
           rest;
}

constexpr State kStates[] = {State::queued, State::running, State::completed, State::failed, State::cancelled};

State state_of(const std::string& name) {
    const auto* found = std::ranges::find(kStates, name, [](State state) { return name_of(state); });
    require(found != std::end(kStates), "the queue's database: state '", name, "'");
    return *found;
}

std::string text_of(const FieldValues& fields) {
    return nlohmann::json(fields).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Entry entry_of(const Row& row) {
    int column = 0;
    const auto whole = [&] { return row.whole(column++); };
    const auto number = [&] { return row.number(column++); };
    const auto text = [&] { return row.text(column++); };
    Entry e;
    e.id = text();
    e.number = whole();
    e.key = text();
    e.priority = static_cast<int>(whole());
    e.model = text();
    e.fields = nlohmann::json::parse(text()).get<FieldValues>();
    e.container = text();
    e.origin = text();
    e.film.width = whole();
    e.film.height = whole();
    e.film.frames = whole();
    e.film.steps = whole();
    e.film.fps = number();
    e.estimate = number();
    e.state = state_of(text());
    e.failure.code = text();
    e.failure.message = text();
    e.created = whole();
    e.begun = whole();
    e.ended = whole();
    e.expires = whole();
    e.bytes = whole();
    e.not_before = whole();
    e.attempts = whole();
    e.cancelling = whole() != 0;
    return e;
}

const Failure kCancelled{"cancelled", "the film was cancelled"};

}  // namespace

int64_t unix_time() {
    return std::time(nullptr);
}

std::string_view name_of(State state) {
    switch (state) {
        case State::queued:
            return "queued";
        case State::running:
            return "running";
        case State::completed:
            return "completed";
        case State::failed:
            return "failed";
        case State::cancelled:
            return "cancelled";
    }
    return "unknown";
}

std::string Entry::kind() const {
    return concat(model, ' ', film.width, 'x', film.height);
}

SqliteQueue::SqliteQueue(const std::filesystem::path& file)
    : writer_(file, Database::Use::writing), reader_(file, Database::Use::reading) {
    migrate(file);
}

void SqliteQueue::migrate(const std::filesystem::path& file) {
    const auto known = static_cast<int64_t>(kVersions.size());
    writer_.transaction([&] {
        int64_t version = 0;
        writer_.run("PRAGMA user_version", {}, [&](const Row& row) { version = row.whole(0); });
        require_valid(version <= known, file.string(), ": is of version ", version,
                      ", which a later t3video wrote; this one knows up to ", known);
        for (; version < known; ++version) writer_.script(kVersions[static_cast<size_t>(version)]);
        writer_.script(concat("PRAGMA user_version = ", known));
    });
}

std::optional<Entry> SqliteQueue::first(Database& database, const std::string& which,
                                        const std::vector<Value>& values) {
    std::optional<Entry> entry;
    database.run(select(which), values, [&](const Row& row) {
        if (!entry) entry = entry_of(row);
    });
    return entry;
}

std::vector<std::string> SqliteQueue::ids(const char* sql, const std::vector<Value>& values) {
    std::vector<std::string> ids;
    const std::lock_guard lock(reading_);
    reader_.run(sql, values, [&](const Row& row) { ids.push_back(row.text(0)); });
    return ids;
}

void SqliteQueue::require_room(const std::string& key, const Caps& caps) {
    const auto refuse = [](int64_t count, int64_t cap, const char* whose) {
        if (cap <= 0 || count < cap) return;
        throw Refused(Refused::Kind::cap_reached,
                      Message(count, " films", whose, " wait or are being made, of at most ", cap,
                              "; try again when one is there"));
    };
    int64_t of_key = 0, of_all = 0;
    writer_.run(
        "SELECT COUNT(*), COALESCE(SUM(key = ?), 0) FROM films WHERE state IN ('queued', 'running') "
        "AND removing = 0",
        {key}, [&](const Row& row) {
            of_all = row.whole(0);
            of_key = row.whole(1);
        });
    refuse(of_key, caps.of_key, " of this key");
    refuse(of_all, caps.of_all, "");
}

Entry SqliteQueue::add(Entry entry, const Caps& caps) {
    const std::lock_guard lock(writing_);
    entry.created = unix_time();
    entry.state = State::queued;
    writer_.transaction([&] {
        require_room(entry.key, caps);
        const Resolved& f = entry.film;
        writer_.run(
            "INSERT INTO films (id, key, priority, model, kind, fields, container, origin, width, height, "
            "frames, steps, fps, estimate, state, created) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,'queued',?) "
            "RETURNING number",
            {entry.id, entry.key, int64_t{entry.priority}, entry.model, entry.kind(), text_of(entry.fields),
             entry.container, entry.origin, f.width, f.height, f.frames, f.steps, f.fps, entry.estimate, entry.created},
            [&](const Row& row) { entry.number = row.whole(0); });
    });
    return entry;
}

std::optional<Entry> SqliteQueue::find(const std::string& id) {
    const std::lock_guard lock(reading_);
    return first(reader_, "WHERE id = ? AND removing = 0", {id});
}

Page SqliteQueue::list(const ListQuery& query) {
    const std::lock_guard lock(reading_);
    constexpr int64_t kAll = int64_t{1} << 62;
    int64_t after = query.newest_first ? kAll : -kAll;
    if (!query.after.empty()) {
        const auto entry = first(reader_, "WHERE id = ?", {query.after});
        if (!entry || (query.key && entry->key != *query.key))
            throw Refused(Refused::Kind::unknown, Message("no film ", query.after, " to begin behind"));
        after = entry->number;
    }
    std::vector<Value> values{after};
    if (query.key) values.emplace_back(*query.key);
    const std::string which =
        concat("WHERE removing = 0 AND number ", query.newest_first ? '<' : '>', " ?", query.key ? " AND key = ?" : "",
               " ORDER BY number", query.newest_first ? " DESC" : "", " LIMIT ?");
    values.emplace_back(query.limit + 1);
    Page page;
    reader_.run(select(which), values, [&](const Row& row) { page.entries.push_back(entry_of(row)); });
    page.more = static_cast<int64_t>(page.entries.size()) > query.limit;
    if (page.more) page.entries.pop_back();
    return page;
}

Counts SqliteQueue::counts() {
    const std::lock_guard lock(reading_);
    Counts counts;
    reader_.run("SELECT state, COUNT(*), SUM(bytes) FROM films WHERE removing = 0 GROUP BY state", {},
                [&](const Row& row) {
                    const State state = state_of(row.text(0));
                    int64_t& count = state == State::queued      ? counts.queued
                                     : state == State::running   ? counts.running
                                     : state == State::completed ? counts.completed
                                     : state == State::failed    ? counts.failed
                                                                 : counts.cancelled;
                    count = row.whole(1);
                    counts.bytes += row.whole(2);
                });
    return counts;
}

Ahead SqliteQueue::ahead_of(const Entry& entry) {
    const std::lock_guard lock(reading_);
    Ahead ahead;
    const int64_t priority = entry.priority;
    reader_.run(
        "SELECT COUNT(*), COALESCE(SUM(estimate), 0) FROM films WHERE state IN ('queued', 'running') AND "
        "removing = 0 AND id <> ? AND (state = 'running' OR priority > ? OR (priority = ? AND number < ?))",
        {entry.id, priority, priority, entry.number}, [&](const Row& row) {
            ahead = {row.whole(0), row.number(1)};
        });
    return ahead;
}

// One walk along the queue serves all of them.
std::vector<Ahead> SqliteQueue::ahead_of(std::span<const Entry> entries) {
    std::map<int64_t, Ahead> by_number;
    {
        const std::lock_guard lock(reading_);
        Ahead so_far;
        reader_.run(
            "SELECT number, estimate FROM films WHERE state IN ('queued', 'running') AND removing = 0 "
            "ORDER BY state = 'running' DESC, priority DESC, number",
            {}, [&](const Row& row) {
                by_number[row.whole(0)] = so_far;
                ++so_far.films;
                so_far.seconds += row.number(1);
            });
    }
    std::vector<Ahead> all;
    for (const Entry& entry : entries) all.push_back(by_number[entry.number]);
    return all;
}

std::optional<Entry> SqliteQueue::lease(const std::string& owner, int64_t seconds, const std::string& kind) {
    const std::lock_guard lock(writing_);
    const int64_t now = unix_time();
    std::optional<Entry> entry;
    const std::string due =
        "WHERE ((state = 'queued' AND not_before <= ?) OR (state = 'running' AND lease "
        "< ?)) AND removing = 0 AND cancelling = 0 "
        "ORDER BY priority DESC, attempts > 0 DESC, kind = ? DESC, number LIMIT 1";
    if (!first(writer_, due, {now, now, kind})) return std::nullopt;  // idle servers write nothing
    writer_.transaction([&] {
        entry = first(writer_, due, {now, now, kind});
        if (!entry) return;
        entry->state = State::running;
        entry->begun = now;
        ++entry->attempts;
        writer_.run(
            "UPDATE films SET state = 'running', owner = ?, lease = ?, begun = ?, attempts = attempts + 1 "
            "WHERE number = ?",
            {owner, now + seconds, now, entry->number});
    });
    return entry;
}

void SqliteQueue::renew(const std::string& owner, int64_t seconds) {
    const std::lock_guard lock(writing_);
    writer_.run("UPDATE films SET lease = ? WHERE owner = ? AND state = 'running'", {unix_time() + seconds, owner});
}

void SqliteQueue::release_all(const StepOf& step_of, int64_t expires) {
    const std::vector<std::string> running = ids("SELECT id FROM films WHERE state = 'running'");
    const std::lock_guard lock(writing_);
    writer_.transaction([&] {
        for (const std::string& id : running) {
            const int64_t step = step_of(id);
            writer_.run(
                "UPDATE films SET ends = CASE WHEN ended_at_step = ? THEN ends + 1 ELSE 1 END, ended_at_step = ? "
                "WHERE id = ?",
                {step, step, id});
        }
        const std::string over = "cancelling = 0, owner = '', code = ?, message = ?, ended = ?, expires = ? ";
        writer_.run("UPDATE films SET state = 'cancelled', " + over + "WHERE state = 'running' AND cancelling = 1",
                    {kCancelled.code, kCancelled.message, unix_time(), expires});
        writer_.run(
            "UPDATE films SET state = 'failed', ends = 0, " + over + "WHERE state = 'running' AND ends >= ?",
            {std::string("crashed"),
             concat("the server ended ", kMostEnds, " times in a row while it made this film, at the same step"),
             unix_time(), expires, kMostEnds});
        writer_.run("UPDATE films SET state = 'queued', owner = '', not_before = 0 WHERE state = 'running'");
    });
}

void SqliteQueue::settle(const std::string& id, const Resolved& film) {
    const std::lock_guard lock(writing_);
    writer_.run("UPDATE films SET width = ?, height = ?, frames = ?, steps = ?, fps = ? WHERE id = ?",
                {film.width, film.height, film.frames, film.steps, film.fps, id});
}

void SqliteQueue::put_back(const std::string& id, int64_t not_before, int64_t expires) {
    const std::lock_guard lock(writing_);
    writer_.transaction([&] {
        writer_.run(
            "UPDATE films SET state = 'cancelled', cancelling = 0, owner = '', code = ?, message = ?, ended = ?, "
            "expires = ? WHERE id = ? AND state = 'running' AND cancelling = 1",
            {kCancelled.code, kCancelled.message, unix_time(), expires, id});
        writer_.run("UPDATE films SET state = 'queued', owner = '', not_before = ? WHERE id = ? AND state = 'running'",
                    {not_before, id});
    });
}

void SqliteQueue::finish(const std::string& id, State state, const Failure& failure, int64_t bytes, int64_t expires) {
    require(is_over(state), "queue: film ", id, " is to end as ", name_of(state));
    const std::lock_guard lock(writing_);
    writer_.run(
        "UPDATE films SET state = ?, code = ?, message = ?, bytes = ?, expires = ?, ended = ?, owner = '', "
        "cancelling = 0 WHERE id = ? AND state = 'running'",
        {std::string(name_of(state)), failure.code, failure.message, bytes, expires, unix_time(), id});
}

std::optional<Entry> SqliteQueue::cancel(const std::string& id, int64_t expires) {
    const std::lock_guard lock(writing_);
    std::optional<Entry> entry;
    writer_.transaction([&] {
        writer_.run(
            "UPDATE films SET state = 'cancelled', code = ?, message = ?, ended = ?, expires = ? WHERE id = ? "
            "AND state = 'queued'",
            {kCancelled.code, kCancelled.message, unix_time(), expires, id});
        writer_.run("UPDATE films SET cancelling = 1 WHERE id = ? AND state = 'running'", {id});
        entry = first(writer_, "WHERE id = ? AND removing = 0", {id});
    });
    return entry;
}

Entry SqliteQueue::resume(const std::string& id, const Caps& caps) {
    const std::lock_guard lock(writing_);
    std::optional<Entry> entry;
    writer_.transaction([&] {
        const std::string by_id = "WHERE id = ? AND removing = 0";
        entry = first(writer_, by_id, {id});
        if (!entry) throw Refused(Refused::Kind::unknown, Message("no film ", id));
        if (entry->state != State::failed && entry->state != State::cancelled)
            throw Refused(Refused::Kind::wrong_state, Message("film ", id, " is ", word_of(entry->state),
                                                              "; a film that was cancelled or failed can be resumed"));
        require_room(entry->key, caps);
        writer_.run(
            "UPDATE films SET state = 'queued', code = '', message = '', ended = 0, expires = 0, "
            "not_before = 0 WHERE id = ?",
            {id});
        entry = first(writer_, by_id, {id});
    });
    return *entry;
}

bool SqliteQueue::remove(const std::string& id) {
    const std::lock_guard lock(writing_);
    return writer_.run(
               "UPDATE films SET removing = 1, state = CASE WHEN state = 'queued' THEN 'cancelled' ELSE state "
               "END WHERE id = ? AND removing = 0",
               {id}) > 0;
}

void SqliteQueue::forget(const std::string& id) {
    const std::lock_guard lock(writing_);
    writer_.run("DELETE FROM films WHERE id = ?", {id});
}

std::vector<std::string> SqliteQueue::removed() {
    return ids("SELECT id FROM films WHERE removing = 1 AND state <> 'running'");
}

std::vector<std::string> SqliteQueue::expired(int64_t now) {
    return ids(
        "SELECT id FROM films WHERE expires > 0 AND expires <= ? AND removing = 0 AND state NOT IN ('queued', "
        "'running')",
        {now});
}

bool SqliteQueue::uses(const std::string& value) {
    return !ids("SELECT id FROM films WHERE instr(fields, ?) LIMIT 1", {nlohmann::json(value).dump()}).empty();
}

}  // namespace t3video::serving
