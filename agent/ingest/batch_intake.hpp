// One request to /api/v2/batch on its way into the log, an operation after the other: each becomes
// an entry of its own. Where the log has no room for the next it waits, and goes on with that one.
//
// Runs on: the ingest executor. Borrows from the request.
#pragma once

#include "agent/ingest/batch_tally.hpp"
#include "proto/event.hpp"
#include "proto/idempotency.hpp"
#include "wal/log.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::agent {

struct IngestContext;

class BatchIntake {
public:
    // `key`: the request's own; each operation has one that is made of it. All get the ticket.
    BatchIntake(std::vector<std::string_view> operations,
                std::string_view destination,
                std::optional<IdempotencyKey> key,
                wal::Ticket ticket);

    [[nodiscard]] wal::Ticket ticket() const { return ticket_; }

    // False: it waits for room, and is to go on after the next commit.
    [[nodiscard]] bool go_on(IngestContext& context, const Peer& peer, BatchTally& tally);

private:
    enum class Step : std::uint8_t { next, wait, end };

    [[nodiscard]] Step accept_next(IngestContext& context, const Peer& peer, BatchTally& tally);
    [[nodiscard]] Step place_next(IngestContext& context, const Event& event, BatchTally& tally);

    std::vector<std::string_view> operations_;
    std::string_view destination_;
    std::optional<IdempotencyKey> key_;
    wal::Ticket ticket_;
    std::size_t next_ = 0;   // of operations_
    std::size_t tried_ = 0;  // of those before it: what is wrong is not, and has no key
};

// Of the whole request: the same key for another batch is refused before anything of it is stored.
[[nodiscard]] IdempotencyKey batch_key(std::string_view key,
                                       std::string_view destination,
                                       std::string_view body);

}  // namespace holdfast::agent
