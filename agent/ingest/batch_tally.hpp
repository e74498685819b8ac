// What has become of the operations of one request to /api/v2/batch, and the one answer to them
// all: it leaves when each that is in the log is on the disk.
//
// Pure.
#pragma once

#include "agent/ingest/answer.hpp"
#include "proto/customerio/v2_batch.hpp"
#include "wal/log.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace holdfast::agent {

class BatchTally {
public:
    // The operation at `index` is not taken; the others are.
    void refuse(std::size_t index, const customerio::Refusal& why);

    // One is in the log, or repeats one that is. stored() follows for each that is not stored yet.
    void place(const wal::Placed& placed);
    void stored(const wal::Commit& commit);

    // What follows was not tried; nothing of what follows is placed.
    void refuse_all(customerio::Refusal why);
    void give_up(Error why);

    // All were tried.
    void end() { ended_ = true; }

    [[nodiscard]] bool is_known() const { return ended_ && unstored_ == 0; }

    // These go for one that is known. A receipt is that of the last operation.
    [[nodiscard]] Answer answer(bool close) const;
    [[nodiscard]] std::uint64_t acknowledged() const;  // in operations, as the others
    [[nodiscard]] std::uint64_t repeated() const;
    [[nodiscard]] std::uint64_t refused() const;
    [[nodiscard]] std::uint64_t failed() const;

private:
    [[nodiscard]] Answer answer_to_each(bool close) const;
    [[nodiscard]] Answer failure_answer(bool close) const;

    bool ended_ = false;
    std::size_t unstored_ = 0;  // placed, and not reported yet
    std::size_t placed_ = 0;
    std::size_t repeats_ = 0;  // of these
    std::size_t lost_ = 0;     // of these: their write failed
    std::optional<wal::Placed> last_;
    Durability durability_ = Durability::synced;
    std::vector<customerio::BatchError> errors_;
    std::optional<customerio::Refusal> refusal_;  // of all
    std::optional<Error> failure_;                // the first
    bool in_doubt_ = false;
};

}  // namespace holdfast::agent
