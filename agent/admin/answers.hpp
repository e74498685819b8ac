// What every call of the admin API answers with, and how it names entries.
#pragma once

#include "agent/admin/requests.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace holdfast::agent {

using Parameters = std::map<std::string, std::string>;

[[nodiscard]] AdminAnswer refuse(const Error& error);

// Up to what JSON's integers hold everywhere, so that the next one exists too.
[[nodiscard]] std::optional<std::uint64_t> number(std::string_view text);

// By its position or its id. Errors: not_found, bad_input.
[[nodiscard]] Result<Seq> find_entry(const wal::Log& log, const std::string& name);

template <class Work, class Done>
boost::asio::awaitable<void> do_work(Work work, std::optional<Done>* done) {
    done->emplace(work());
    co_return;
}

// On the thread that nobody waits for: work that reads much, so that apps and operators do not
// wait for it.
template <class Work, class Done = std::invoke_result_t<Work>>
boost::asio::awaitable<Done> aside(AdminHost& host, Work work) {
    std::optional<Done> done;
    boost::asio::awaitable<void> doing = do_work(std::move(work), &done);
    co_await boost::asio::co_spawn(host.background(), std::move(doing), boost::asio::use_awaitable);
    co_return std::move(*done);
}

}  // namespace holdfast::agent
