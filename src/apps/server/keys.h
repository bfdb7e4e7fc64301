// Who may use the server: a file of names and hashed keys, and how often each may ask.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace t3video::server {

struct Key {
    std::string name;
    std::string hash;       // SHA-256 of the key, as hexadecimal digits
    double requests = 600;  // a minute; 0: any number
    int64_t films = 50;     // that may wait or run; 0: any number
    int priority = 0;       // higher goes first
};

class Keys {
  public:
    // Lines "NAME HASH [requests=N] [films=N] [priority=N]"; what begins with # is not read. Throws InvalidRequest that
    // names the line.
    static Keys read(const std::filesystem::path& file);
    static Keys parse(const std::string& text, const std::string& file);

    // Null for a key that nobody has. Takes as long for any key: all hashes are compared, whole.
    const Key* find(std::string_view key) const;
    bool none() const { return keys_.empty(); }

  private:
    std::vector<Key> keys_;
};

// How often each may ask: a bucket of a minute's requests, which fills up steadily.
class Rates {
  public:
    using Clock = std::chrono::steady_clock;

    // Takes one request of `who`, and gives 0; or gives the seconds until there is one again.
    int wait(const std::string& who, double per_minute, Clock::time_point now = Clock::now());

  private:
    struct Bucket {
        double left = 0;
        Clock::time_point seen;
    };
    std::mutex mutex_;
    std::map<std::string, Bucket> buckets_;  // as many as there are keys
};

}  // namespace t3video::server
