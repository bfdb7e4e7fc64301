// Sockets that say to a server what no library would.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "apps/server/http/descriptor.h"

namespace t3video::testing {

class Talk {
  public:
    explicit Talk(int port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connected_ = connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    }

    bool connected() const { return connected_; }
    bool say(std::string_view text) {
        return send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
    }
    void say_no_more() { shutdown(socket_.get(), SHUT_WR); }
    // What comes until the other side ends, or until `end` came; patience in milliseconds.
    std::string hear(std::string_view end = {}, int patience = 20'000) {
        std::string heard;
        char piece[4096];
        while (end.empty() || heard.find(end) == std::string::npos) {
            pollfd one{socket_.get(), POLLIN, 0};
            if (poll(&one, 1, patience) <= 0) return heard + "[silence]";
            const auto got = recv(socket_.get(), piece, sizeof piece, 0);
            if (got <= 0) break;
            heard.append(piece, static_cast<size_t>(got));
        }
        return heard;
    }

    // A piece of it; empty at the end.
    std::string hear_some() {
        std::string piece(size_t{64} << 10, '\0');
        const auto got = recv(socket_.get(), piece.data(), piece.size(), 0);
        piece.resize(got > 0 ? static_cast<size_t>(got) : 0);
        return piece;
    }

  private:
    server::FileDescriptor socket_;
    bool connected_ = false;
};

inline int status_of(const std::string& answer) {
    return answer.starts_with("HTTP/1.1 ") ? std::stoi(answer.substr(9, 3)) : 0;
}

}  // namespace t3video::testing
