// Films, their listeners, and what is news to each.
#include "serving/events.h"

#include <algorithm>

namespace t3video::serving {

class Channel {
  public:
    // `change` returns whether there is news.
    template <class Change>
    void change(Change&& change) {
        const std::lock_guard lock(mutex_);
        if (over_ || !change()) return;
        ++version_;
        news_.notify_all();
    }
    void set(const Progress& progress) {
        change([&] {
            progress_ = progress;
            return true;
        });
    }
    void set_waiting(const std::string& why) {
        change([&] {
            if (!progress_.stage.empty() || progress_.waiting == why) return false;
            progress_.waiting = why;
            return true;
        });
    }
    // Without a state there is no last event: the server shuts down.
    void end(std::optional<State> state, const Failure& failure) {
        change([&] {
            over_ = true;
            state_ = state;
            failure_ = failure;
            return true;
        });
    }
    Progress progress() const {
        const std::lock_guard lock(mutex_);
        return progress_;
    }

    struct Seen {
        int64_t version = 0;
        Progress progress;
        bool over = false;
        std::optional<State> state;
        Failure failure;
    };
    // What is there once it is newer than `version`; nothing where it does not become so within that time.
    std::optional<Seen> wait(int64_t version, std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        if (!news_.wait_for(lock, patience, [&] { return version_ > version; })) return std::nullopt;
        return Seen{version_, progress_, over_, state_, failure_};
    }

  private:
    mutable std::mutex mutex_;
    std::condition_variable news_;
    int64_t version_ = 0;
    Progress progress_;
    bool over_ = false;
    std::optional<State> state_;
    Failure failure_;
};

std::string_view Event::name() const {
    switch (kind) {
        case Kind::waiting:
            return "waiting";
        case Kind::stage:
            return "stage";
        case Kind::step:
            return "step";
        case Kind::preview:
            return "preview";
        case Kind::done:
            return "done";
        case Kind::error:
            return "error";
    }
    return "unknown";
}

std::vector<Event> Subscription::next(std::chrono::milliseconds patience) {
    if (over_) return {};
    const auto seen = channel_->wait(seen_, patience);
    if (!seen) return {};
    const bool first = seen_ < 0;
    const Progress before = std::exchange(last_, seen->progress);
    const Progress& now = seen->progress;
    seen_ = seen->version;
    over_ = seen->over;
    std::vector<Event> events;
    const auto add = [&](Event::Kind kind) { events.push_back({kind, now, seen->failure}); };
    const bool waits = now.stage.empty() && !over_;
    if (waits && (first || before.waiting != now.waiting || !before.stage.empty())) add(Event::Kind::waiting);
    const bool stage = !now.stage.empty() && now.stage != before.stage;
    if (stage) add(Event::Kind::stage);
    if (!now.stage.empty() && (stage || now.done != before.done)) add(Event::Kind::step);
    if (now.preview > before.preview) add(Event::Kind::preview);
    if (seen->state) add(*seen->state == State::completed ? Event::Kind::done : Event::Kind::error);
    return events;
}

std::shared_ptr<Channel> EventHub::find(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = channels_.find(id);
    return found == channels_.end() ? nullptr : found->second;
}

std::shared_ptr<Channel> EventHub::find_or_make(const std::string& id) {
    const std::lock_guard lock(mutex_);
    auto& channel = channels_[id];
    if (!channel) channel = std::make_shared<Channel>();
    if (closed_) channel->end(std::nullopt, {});
    return channel;
}

std::unique_ptr<Subscription> EventHub::subscribe(const Entry& entry) {
    if (!is_over(entry.state)) return std::make_unique<Subscription>(find_or_make(entry.id));
    const auto channel = std::make_shared<Channel>();
    channel->end(entry.state, entry.failure);
    return std::make_unique<Subscription>(channel);
}

void EventHub::tell(const std::string& id, const Progress& progress) {
    find_or_make(id)->set(progress);
}

void EventHub::tell_waiting(const std::string& why) {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, channel] : channels_) channel->set_waiting(why);
}

void EventHub::end(const std::string& id, State state, const Failure& failure) {
    std::shared_ptr<Channel> channel;
    {
        const std::lock_guard lock(mutex_);
        const auto found = channels_.find(id);
        if (found == channels_.end()) return;
        channel = found->second;
        channels_.erase(found);
    }
    channel->end(state, failure);
}

std::optional<Progress> EventHub::progress(const std::string& id) const {
    const auto channel = find(id);
    return channel ? std::optional(channel->progress()) : std::nullopt;
}

void EventHub::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    for (const auto& [id, channel] : channels_) channel->end(std::nullopt, {});
}

}  // namespace t3video::serving
