// HTTP/1.1 over sockets: threads, limits and times around a handler.
#pragma once

#include <atomic>
#include <functional>
#include <memory>

#include "apps/server/http/bodies.h"
#include "apps/server/http/exchange.h"
#include "apps/server/http/lobby.h"
#include "apps/server/http/workers.h"

namespace t3video::server {

class Http {
  public:
    // Whether the answer to a request takes its time.
    using Lasts = std::function<bool(const Head&)>;
    // From any thread. May throw HttpError, for which the answer is error_answer().
    using Handler = std::function<Answer(Request&)>;

    Http(Listening listening, const HttpLimits& limits, Lasts lasts, Handler handler);
    ~Http();  // answers what was begun; whoever waits is told that nobody is there

  private:
    class Exchange;

    void admit(std::unique_ptr<Visitor> visitor);
    void serve(std::unique_ptr<Visitor> visitor, std::shared_ptr<Bodies::Place> place);

    const HttpLimits limits_;
    const Lasts lasts_;
    const Handler handler_;
    std::atomic<size_t> lasting_ = 0;
    Bodies bodies_;
    std::atomic<bool> stopping_ = false;
    Workers workers_;
    Lobby lobby_;  // hands visitors to the workers as soon as it is there
};

}  // namespace t3video::server
