// The open sockets, so that they can all be closed at once. One thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include <unordered_set>

namespace holdfast::customerio_sim {

class Connections {
public:
    using Socket = boost::asio::ip::tcp::socket;

    // Keeps `socket` in the register for as long as it lives; it must not move meanwhile.
    class Entry {
    public:
        Entry(Connections& all, Socket::lowest_layer_type& socket) : all_(all), socket_(socket) {
            all_.sockets_.insert(&socket_);
        }

        ~Entry() { all_.sockets_.erase(&socket_); }

        Entry(const Entry&) = delete;
        Entry& operator=(const Entry&) = delete;

    private:
        Connections& all_;
        Socket::lowest_layer_type& socket_;
    };

    // What waits on the sockets ends with an error soon after.
    void close_all() {
        for (Socket::lowest_layer_type* socket : sockets_) {
            boost::system::error_code ignored;  // closing is all we want
            socket->close(ignored);
        }
    }

private:
    std::unordered_set<Socket::lowest_layer_type*> sockets_;
};

}  // namespace holdfast::customerio_sim
