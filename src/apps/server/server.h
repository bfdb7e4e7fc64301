// A service of films behind HTTP.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/server/http/lobby.h"
#include "apps/server/keys.h"
#include "serving/service.h"

namespace t3video::server {

struct ServerOptions {
    std::string host = "127.0.0.1";
    int port = 8000;                   // 0: a free one
    Keys keys = {};                    // needed where others than this machine can reach the server
    std::vector<std::string> origins;  // of pages on other sites that may use it, "https://films.example.org"
    HttpLimits limits = {};
    std::vector<std::string> hidden;                        // paths of this machine, which no answer may have
    std::function<void(const std::string& line)> log = {};  // any thread
};

class Server {
  public:
    // Answers from here on. Throws InvalidRequest for an address that it cannot have, and for one that others can reach
    // where there are no keys.
    Server(serving::Service& service, ServerOptions options);
    ~Server();  // ends what is being answered
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    int port() const;
    // From now on it says that it shuts down.
    void close();

  private:
    class Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace t3video::server
