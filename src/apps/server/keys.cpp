// Reads keys, compares them, counts.
#include "apps/server/keys.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <sstream>

#include "apps/server/http/exchange.h"
#include "core/error.h"
#include "core/input_file.h"
#include "core/numbers.h"
#include "core/sha256.h"
#include "core/text_lines.h"

namespace t3video::server {
namespace {

constexpr const char* kExpected =
    "expected NAME HASH [requests=N] [films=N] [priority=N], where HASH is the SHA-256 of the key, 64 hexadecimal "
    "digits";

bool is_hash(const std::string& text) {
    const auto is_digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
    return text.size() == 64 && std::ranges::all_of(text, is_digit);
}

bool is_name(const std::string& text) {
    const auto is_plain = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
               c == '.';
    };
    return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, is_plain);
}

bool read_cap(std::string_view word, Key& key) {
    const size_t equals = word.find('=');
    const auto number = equals == std::string_view::npos ? std::nullopt : number_of<int>(word.substr(equals + 1));
    const std::string_view name = word.substr(0, equals);
    if (!number || (*number < 0 && name != "priority")) return false;
    if (name == "requests")
        key.requests = *number;
    else if (name == "films")
        key.films = *number;
    else if (name == "priority")
        key.priority = *number;
    else
        return false;
    return true;
}

}  // namespace

Keys Keys::parse(const std::string& text, const std::string& file) {
    Keys keys;
    for (const TextLine& line : lines_of(text)) {
        if (line.text.starts_with('#')) continue;
        std::istringstream words{std::string(line.text)};
        Key key;
        words >> key.name >> key.hash;
        key.hash = lower_case(key.hash);
        require_valid(key.hash != sha256_of(""), file, ": line ", line.number,
                      ": is the hash of an empty key, which opens to everybody; hash the key itself");
        bool good = is_name(key.name) && is_hash(key.hash);
        for (std::string word; good && words >> word;) good = read_cap(word, key);
        require_valid(good, file, ": line ", line.number, ": ", kExpected);
        const bool taken = std::ranges::any_of(
            keys.keys_, [&](const Key& other) { return other.name == key.name || other.hash == key.hash; });
        require_valid(!taken, file, ": line ", line.number, ": the name or the key stands in a line above");
        keys.keys_.push_back(std::move(key));
    }
    require_valid(!keys.none(), file, ": holds no key; ", kExpected);
    return keys;
}

Keys Keys::read(const std::filesystem::path& file) {
    return parse(without_mark(read_text_file(file, "a file of keys, a line each"), file), file.string());
}

const Key* Keys::find(std::string_view given) const {
    const std::string hash = sha256_of(given);
    const Key* found = nullptr;
    for (const Key& key : keys_) {
        unsigned char differs = 0;
        for (size_t i = 0; i < hash.size(); ++i) differs |= static_cast<unsigned char>(hash[i] ^ key.hash[i]);
        if (differs == 0) found = &key;
    }
    return found;
}

int Rates::wait(const std::string& who, double per_minute, Clock::time_point now) {
    if (per_minute <= 0) return 0;
    const std::lock_guard lock(mutex_);
    const auto [at, is_new] = buckets_.try_emplace(who, Bucket{per_minute, now});
    Bucket& bucket = at->second;
    const double passed = std::chrono::duration<double>(now - bucket.seen).count();
    bucket.left = std::min(per_minute, bucket.left + passed * per_minute / 60);
    bucket.seen = now;
    if (bucket.left >= 1) {
        bucket.left -= 1;
        return 0;
    }
    return std::max(1, static_cast<int>(std::ceil((1 - bucket.left) * 60 / per_minute)));
}

}  // namespace t3video::server
