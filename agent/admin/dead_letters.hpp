// The calls of the admin API that are about dead letters. They read on the thread that nobody waits
// for, a bounded part of the log each.
//
// Runs on: the ingest executor.
#pragma once

#include "agent/admin/answers.hpp"

namespace holdfast::agent {

// How many there are of each kind of failure, a step of the way.
[[nodiscard]] boost::asio::awaitable<AdminAnswer> list_groups(AdminHost& host,
                                                              const Parameters& parameters);

[[nodiscard]] boost::asio::awaitable<AdminAnswer> replay(AdminHost& host,
                                                         const AdminRequest& request);
[[nodiscard]] boost::asio::awaitable<AdminAnswer> drop(AdminHost& host,
                                                       const AdminRequest& request);
[[nodiscard]] boost::asio::awaitable<AdminAnswer> edit(AdminHost& host,
                                                       std::string name,
                                                       const AdminRequest& request);

}  // namespace holdfast::agent
