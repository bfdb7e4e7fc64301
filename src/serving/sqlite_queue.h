// The queue of one server, as a table of SQLite in its data folder.
#pragma once

#include <filesystem>
#include <mutex>

#include "serving/database.h"
#include "serving/queue.h"

namespace t3video::serving {

class SqliteQueue final : public Queue {
  public:
    // Makes the database, or brings one of an earlier version up to date. Throws InvalidRequest for one of a later
    // version, and as Database does.
    explicit SqliteQueue(const std::filesystem::path& file);

    Entry add(Entry entry, const Caps& caps) override;
    std::optional<Entry> find(const std::string& id) override;
    Page list(const ListQuery& query) override;
    Counts counts() override;
    Ahead ahead_of(const Entry& entry) override;
    std::vector<Ahead> ahead_of(std::span<const Entry> entries) override;
    std::optional<Entry> lease(const std::string& owner, int64_t seconds, const std::string& kind) override;
    void renew(const std::string& owner, int64_t seconds) override;
    void release_all(const StepOf& step_of, int64_t expires) override;
    void settle(const std::string& id, const Resolved& film) override;
    void put_back(const std::string& id, int64_t not_before, int64_t expires) override;
    void finish(const std::string& id, State state, const Failure& failure, int64_t bytes, int64_t expires) override;
    std::optional<Entry> cancel(const std::string& id, int64_t expires) override;
    Entry resume(const std::string& id, const Caps& caps) override;
    bool remove(const std::string& id) override;
    void forget(const std::string& id) override;
    std::vector<std::string> removed() override;
    std::vector<std::string> expired(int64_t now) override;
    bool uses(const std::string& value) override;

  private:
    void migrate(const std::filesystem::path& file);
    void require_room(const std::string& key, const Caps& caps);
    std::optional<Entry> first(Database& database, const std::string& which, const std::vector<Value>& values);
    std::vector<std::string> ids(const char* sql, const std::vector<Value>& values = {});

    std::mutex writing_, reading_;  // of the connections
    Database writer_, reader_;
};

// Of now, in Unix seconds.
int64_t unix_time();

}  // namespace t3video::serving
