// A port that waits for connections.
#pragma once

#include <string>

#include "apps/server/http/descriptor.h"

namespace t3video::server {

struct Listening {
    FileDescriptor socket;
    int port = 0;
    bool loopback = true;  // nobody reaches it from another machine
};

// Port 0: a free one. Throws InvalidRequest naming host and port where that cannot be.
Listening listen_at(const std::string& host, int port);

// "127.0.0.1" of a socket's other end, and whether it is this machine.
struct PeerAddress {
    std::string text;
    bool loopback = false;
};
PeerAddress peer_of(int socket);

}  // namespace t3video::server
