// Places for requests whose bodies are large. Where all are taken, who sends too slowly gives his to a newcomer: so
// that a few who dribble keep nobody from sending.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>

#include "apps/server/http/lobby.h"

namespace t3video::server {

class Bodies {
    struct Sender {
        int socket;
        Visitor::Clock::time_point since;
        int64_t received = 0;
        bool sent_away = false, whole = false;
    };

  public:
    class Place {
      public:
        Place(Bodies& bodies, std::list<Sender>::iterator sender) : bodies_(bodies), sender_(sender) {}
        ~Place();  // before the socket is closed
        Place(const Place&) = delete;
        Place& operator=(const Place&) = delete;

        void begin();  // to receive: until then nobody is slow
        void received(int64_t bytes);
        void end();  // all of it is there
        bool sent_away() const;

      private:
        Bodies& bodies_;
        std::list<Sender>::iterator sender_;
    };

    explicit Bodies(const HttpLimits& limits) : limits_(limits) {}

    // Null where there is none and nobody is slow.
    std::unique_ptr<Place> enter(int socket);

  private:
    bool send_slowest_away();

    const HttpLimits& limits_;
    std::mutex mutex_;
    std::list<Sender> senders_;
};

}  // namespace t3video::server
