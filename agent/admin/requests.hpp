// The calls of the admin API: a parsed request in, a status and JSON out.
//
// Runs on: the ingest executor.
#pragma once

#include "agent/admin/server.hpp"

#include <boost/asio/awaitable.hpp>

#include <string>

namespace holdfast::agent {

struct AdminRequest {
    std::string method;
    std::string target;
    std::string body;
    Peer peer = {};  // who asks
};

struct AdminAnswer {
    unsigned status = 200;
    Json body;
    std::string text = {};  // instead of the body, when it is not empty: metrics
};

[[nodiscard]] boost::asio::awaitable<AdminAnswer> answer_admin(AdminHost& host,
                                                               const AdminRequest& request);

}  // namespace holdfast::agent
