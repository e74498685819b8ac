// Every request in arrival order, bounded, and the counters over all of them. One thread.
#pragma once

#include "tests/customerio-sim/call.hpp"
#include "tests/customerio-sim/workspace.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace holdfast::customerio_sim {

class RequestLog {
public:
    // Keeps the newest `entry_count_max` requests, and at most 512 MiB of bodies.
    explicit RequestLog(std::size_t entry_count_max) : entry_count_max_(entry_count_max) {}

    [[nodiscard]] std::uint64_t next_number() const { return next_; }

    // Returns the request's number, from 1 on and never used twice. Counts it as in flight.
    std::uint64_t arrived(const Request& request,
                          const Decision& decision,
                          std::uint64_t connection,
                          double at_ms);
    void fault_applied(std::uint64_t number, const Json& source);
    // What came of the call at `index` of the request.
    void worked(std::uint64_t number, std::size_t index, Effect effect);
    // Nothing for a request that got no complete answer.
    void left(std::uint64_t number, const Decision& decision, std::optional<unsigned> status);

    void connected() {
        ++connections_;
        ++connections_open_;
    }

    void disconnected() { --connections_open_; }

    // Forgets requests and counters; numbers go on, and what is in flight stays so.
    void clear();

    // The requests after number `after`, at most `limit`; bodies cut at 1000 bytes unless wanted
    // whole.
    [[nodiscard]] Json requests_json(std::uint64_t after, std::size_t limit, bool whole) const;
    [[nodiscard]] std::optional<Json> request_json(std::uint64_t number, bool whole) const;
    [[nodiscard]] Json stats_json() const;

private:
    struct Item {
        std::string_view operation;
        std::string person;
        std::string event_id;
        std::optional<std::int64_t> timestamp;
        std::string refusal;
        bool applied = false;
        bool duplicate = false;
    };

    struct Entry {
        std::uint64_t number;
        double at_ms;
        std::uint64_t connection;
        std::string method;
        std::string target;
        std::string_view operation;
        std::vector<Item> items;
        std::string body;
        std::optional<unsigned> status;
        Json fault;
    };

    struct Overlap {
        std::string person;
        std::uint64_t request;
    };

    [[nodiscard]] Entry* find(std::uint64_t number);
    [[nodiscard]] static Json to_json(const Entry& entry, bool whole);
    void count_arrival(const Decision& decision);
    void drop_oldest();

    std::size_t entry_count_max_;
    std::uint64_t next_ = 1;
    std::deque<Entry> entries_;  // numbers without gaps
    std::size_t body_bytes_ = 0;
    std::uint64_t entries_dropped_ = 0;

    std::uint64_t requests_ = 0;
    std::uint64_t applied_ = 0;
    std::uint64_t duplicates_ = 0;
    std::uint64_t ignored_ = 0;
    std::uint64_t faults_ = 0;
    std::uint64_t connections_ = 0;
    std::uint64_t connections_open_ = 0;
    std::uint64_t in_flight_ = 0;
    std::uint64_t in_flight_max_ = 0;
    std::uint64_t overlaps_ = 0;
    std::vector<Overlap> first_overlaps_;
    std::unordered_map<std::string, std::uint32_t> in_flight_by_person_;
    std::map<std::string_view, std::map<std::string, std::uint64_t>> answers_;
};

}  // namespace holdfast::customerio_sim
