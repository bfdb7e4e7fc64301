// The one file that knows SQLite.
#include "serving/database.h"

#include <sqlite3.h>

#include "core/output_file.h"

namespace t3video::serving {
namespace {

// Resets a statement however its rows end, so that no reader holds on to an old state of the database.
struct Reset {
    sqlite3_stmt* statement;
    ~Reset() { sqlite3_reset(statement); }
};

}  // namespace

int64_t Row::whole(int column) const {
    return sqlite3_column_int64(statement_, column);
}

double Row::number(int column) const {
    return sqlite3_column_double(statement_, column);
}

std::string Row::text(int column) const {
    const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return text ? std::string(text, static_cast<size_t>(sqlite3_column_bytes(statement_, column))) : std::string();
}

void Database::Closer::operator()(sqlite3* connection) const {
    sqlite3_close_v2(connection);
}

void Database::Closer::operator()(sqlite3_stmt* statement) const {
    sqlite3_finalize(statement);
}

Database::Database(const std::filesystem::path& file, Use use) {
    sqlite3* connection = nullptr;
    // A connection stays with one thread at a time, so that SQLite's own locks are not needed.
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (use == Use::writing ? SQLITE_OPEN_CREATE : 0);
    const int code = sqlite3_open_v2(file.c_str(), &connection, flags, nullptr);
    connection_.reset(connection);
    require_valid(code == SQLITE_OK, file.string(), ": cannot be opened: ", sqlite3_errstr(code));
    constexpr int kPatience = 10'000;  // milliseconds, while another connection recovers the log of a killed run
    sqlite3_busy_timeout(connection, kPatience);
    try {
        // Readers see what was committed last and do not wait for the writer, who waits for the disk at each commit.
        script("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;");
        if (use == Use::reading) script("PRAGMA query_only = ON;");
    } catch (const Refused&) {
        throw;
    } catch (const Error& error) {
        throw InvalidRequest(concat(file.string(), ": cannot be used: ", error.what()));
    }
}

Database::~Database() = default;

void Database::check(int code) const {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    const std::string words = sqlite3_errmsg(connection_.get());
    const bool writing = (code & 0xFF) == SQLITE_IOERR && is_full(sqlite3_system_errno(connection_.get()));
    if (code == SQLITE_FULL || writing)
        throw Refused(Refused::Kind::disk_full, Message("the disk of the data folder is full: nothing can be written"));
    if ((code & 0xFF) == SQLITE_READONLY)
        throw Refused(Refused::Kind::disk_full,
                      Message("the queue of the data folder, queue.sqlite, cannot be written: ", words));
    throw Error(concat("the queue's database: ", words));
}

int64_t Database::run(const std::string& sql, const std::vector<Value>& values,
                      const std::function<void(const Row&)>& row) {
    auto& prepared = statements_[sql];
    if (!prepared) {
        sqlite3_stmt* statement = nullptr;
        check(sqlite3_prepare_v3(connection_.get(), sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
        prepared.reset(statement);
    }
    sqlite3_stmt* const statement = prepared.get();
    const Reset reset{statement};
    for (size_t i = 0; i < values.size(); ++i) {
        const int at = static_cast<int>(i) + 1;
        if (const auto* whole = std::get_if<int64_t>(&values[i])) {
            check(sqlite3_bind_int64(statement, at, *whole));
        } else if (const auto* number = std::get_if<double>(&values[i])) {
            check(sqlite3_bind_double(statement, at, *number));
        } else {
            const auto& text = std::get<std::string>(values[i]);
            check(sqlite3_bind_text64(statement, at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
        }
    }
    int code = SQLITE_ROW;
    while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
        if (row) row(Row(statement));
    }
    check(code);
    return sqlite3_changes64(connection_.get());
}

void Database::script(const std::string& sql) {
    check(sqlite3_exec(connection_.get(), sql.c_str(), nullptr, nullptr, nullptr));
}

void Database::transaction(const std::function<void()>& work) {
    script("BEGIN IMMEDIATE");
    try {
        work();
        script("COMMIT");
    } catch (...) {
        sqlite3_exec(connection_.get(), "ROLLBACK", nullptr, nullptr, nullptr);  // an error may have done so already
        throw;
    }
}

}  // namespace t3video::serving
