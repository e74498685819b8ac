#include "agent/ingest/placing.hpp"

namespace holdfast::agent {

Result<wal::Placed> place(wal::Log& log, const Event& event, const Keys& keys, wal::Ticket ticket) {
    if (!keys.empty()) return log.append(event, {keys.data(), keys.size()}, ticket);
    const Result<Seq> seq = log.append(event, ticket);
    if (!seq) return seq.error();
    return wal::Placed{*seq, event.id, event.accepted_at};
}

}  // namespace holdfast::agent
