// What is dear to make, by what it is for: a bounded number, of which those that were used longest ago go first.
#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace t3video {

template <class Key, class Value, size_t kMost>
class BoundedCache {
  public:
    // The value of a key, made by `make` where it is not there. It is valid until kMost others were asked for.
    // `before_dropping` is called when another must go for it.
    template <class Make, class Dropping>
    Value& get(const Key& key, Make&& make, Dropping&& before_dropping) {
        if (const auto found = by_key_.find(key); found != by_key_.end()) {
            entries_.splice(entries_.begin(), entries_, found->second);
            return entries_.front().second;
        }
        Value value = make();
        if (entries_.size() == kMost) {
            before_dropping();
            by_key_.erase(entries_.back().first);
            entries_.pop_back();
        }
        entries_.emplace_front(key, std::move(value));
        by_key_[key] = entries_.begin();
        return entries_.front().second;
    }
    template <class Make>
    Value& get(const Key& key, Make&& make) {
        return get(key, std::forward<Make>(make), [] {});
    }

    size_t size() const { return entries_.size(); }

  private:
    std::list<std::pair<Key, Value>> entries_;  // the last used in front
    std::map<Key, typename std::list<std::pair<Key, Value>>::iterator> by_key_;
};

}  // namespace t3video
