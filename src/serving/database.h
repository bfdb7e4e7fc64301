// SQLite, as far as a queue needs it: statements with their values, transactions, and what a full disk means.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "serving/refused.h"

struct sqlite3;
struct sqlite3_stmt;

namespace t3video::serving {

// A row of a result.
class Row {
  public:
    explicit Row(sqlite3_stmt* statement) : statement_(statement) {}
    int64_t whole(int column) const;
    double number(int column) const;
    std::string text(int column) const;

  private:
    sqlite3_stmt* statement_;
};

using Value = std::variant<int64_t, double, std::string>;

// A connection. One thread at a time; connections of several threads read while one writes.
class Database {
  public:
    enum class Use { writing, reading };
    // What is committed is on the disk. Throws InvalidRequest for a file that is no database or cannot be opened.
    Database(const std::filesystem::path& file, Use use);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // Runs a statement with values for its question marks and calls `row` for each row of the result. Returns the
    // number of rows that were changed. Throws Refused for a full disk, Error for all else.
    int64_t run(const std::string& sql, const std::vector<Value>& values = {},
                const std::function<void(const Row&)>& row = {});
    // Several statements without values.
    void script(const std::string& sql);
    // What `work` changes is committed as a whole, or where it throws not at all.
    void transaction(const std::function<void()>& work);

  private:
    struct Closer {
        void operator()(sqlite3* connection) const;
        void operator()(sqlite3_stmt* statement) const;
    };
    void check(int code) const;

    std::unique_ptr<sqlite3, Closer> connection_;
    std::map<std::string, std::unique_ptr<sqlite3_stmt, Closer>> statements_;  // by their text, each prepared once
};

}  // namespace t3video::serving
