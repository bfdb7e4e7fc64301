// Opens ports.
#include "apps/server/http/listening.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>

#include "core/error.h"

namespace t3video::server {
namespace {

constexpr int kBacklog = 1024;  // connections that wait to be taken: as many as come at once

bool is_loopback(const sockaddr* address) {
    if (address->sa_family == AF_INET)
        return (ntohl(reinterpret_cast<const sockaddr_in*>(address)->sin_addr.s_addr) >> 24) == 127;
    const in6_addr& ip = reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&ip) || (IN6_IS_ADDR_V4MAPPED(&ip) && ip.s6_addr[12] == 127);
}

int port_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size);
    return ntohs(address.ss_family == AF_INET ? reinterpret_cast<sockaddr_in&>(address).sin_port
                                              : reinterpret_cast<sockaddr_in6&>(address).sin6_port);
}

}  // namespace

Listening listen_at(const std::string& host, int port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    const int failed = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> all(found, freeaddrinfo);
    require_valid(failed == 0, Field("host", host), ": ", gai_strerror(failed),
                  "; expected an address of this machine");
    int reason = 0;
    for (const addrinfo* one = found; one; one = one->ai_next) {
        FileDescriptor socket(::socket(one->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        const int on = 1;
        // A server that starts again need not wait for connections of the one before.
        setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        if (bind(socket.get(), one->ai_addr, one->ai_addrlen) == 0 && listen(socket.get(), kBacklog) == 0) {
            const int number = port_of(socket.get());
            return {std::move(socket), number, is_loopback(one->ai_addr)};
        }
        reason = errno;
    }
    throw InvalidRequest(Message(Field("port", port), " of ", host, ": ", std::strerror(reason),
                                 reason == EADDRINUSE ? "; another program has it" : ""));
}

PeerAddress peer_of(int socket) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    char text[NI_MAXHOST] = "";
    const auto* any = reinterpret_cast<const sockaddr*>(&address);
    if (getpeername(socket, reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
        getnameinfo(any, size, text, sizeof text, nullptr, 0, NI_NUMERICHOST) != 0)
        return {};
    return {text, is_loopback(any)};
}

}  // namespace t3video::server
