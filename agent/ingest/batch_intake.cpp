#include "agent/ingest/batch_intake.hpp"

#include "agent/clock.hpp"
#include "agent/ingest/placing.hpp"
#include "agent/ingest/session.hpp"
#include "proto/customerio/v2_operation.hpp"

#include <utility>

namespace holdfast::agent {
namespace {

const customerio::Route kEntity{.operation = Operation::event,
                                .shape = customerio::Route::Shape::entity};

customerio::Refusal key_reused(const Error& why, std::string_view field) {
    return {422, "idempotency_key_reused", why.detail, std::string(field), true};
}

}  // namespace

BatchIntake::BatchIntake(std::vector<std::string_view> operations,
                         std::string_view destination,
                         std::optional<IdempotencyKey> key,
                         wal::Ticket ticket)
    : operations_(std::move(operations)), destination_(destination), key_(key), ticket_(ticket) {}

bool BatchIntake::go_on(IngestContext& context, const Peer& peer, BatchTally& tally) {
    while (next_ < operations_.size()) {
        const Step step = accept_next(context, peer, tally);
        if (step == Step::wait) return false;
        if (step == Step::end) return true;
        ++next_;
    }
    tally.end();
    return true;
}

BatchIntake::Step BatchIntake::accept_next(IngestContext& context,
                                           const Peer& peer,
                                           BatchTally& tally) {
    const WallTime now = wall_now();
    const customerio::Request request{
        to_string(Method::post), customerio::kEntityTarget, operations_[next_]};
    const auto accepted = context.acceptor.accept(
        kEntity, request, {context.ulids.make(now), now, peer, destination_});
    if (const auto* why = std::get_if<customerio::Refusal>(&accepted)) {
        tally.refuse(next_, *why);
        return Step::next;
    }
    return place_next(context, std::get<Event>(accepted), tally);
}

BatchIntake::Step BatchIntake::place_next(IngestContext& context,
                                          const Event& event,
                                          BatchTally& tally) {
    Keys keys;
    if (key_) keys.push_back(item_key(*key_, tried_));
    const std::string_view given_id = context.acceptor.given_id();
    if (!given_id.empty()) {
        keys.push_back(idempotency_key(KeySource::event, given_id, event, operations_[next_]));
    }
    const Result<wal::Placed> placed = place(context.log, event, keys, ticket_);
    if (placed) {
        tally.place(*placed);
        if (!placed->is_stored) context.on_appended();
    } else if (placed.error().code == Errc::overloaded) {
        return Step::wait;
    } else if (placed.error().code != Errc::key_reused) {
        tally.give_up(placed.error());
        return Step::end;
    } else if (key_ && tried_ == 0) {
        tally.refuse_all(key_reused(placed.error(), ""));
        return Step::end;
    } else {
        tally.refuse(next_, key_reused(placed.error(), "id"));
    }
    ++tried_;
    return Step::next;
}

IdempotencyKey batch_key(std::string_view key,
                         std::string_view destination,
                         std::string_view body) {
    Event request;
    request.destination = destination;
    request.method = Method::post;
    request.target = customerio::kBatchTarget;
    return idempotency_key(KeySource::request, key, request, body);
}

}  // namespace holdfast::agent
