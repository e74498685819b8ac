#include "agent/delivery/shared_request.hpp"

#include "agent/delivery/outgoing.hpp"
#include "proto/customerio/v2_batch.hpp"

#include <utility>

namespace holdfast::agent {
namespace {

// Beside the body of a v1 call an operation of v2 has its type, its action and the person.
constexpr std::size_t kAroundV1 = 160;
constexpr std::size_t kComma = 1;

// A v1 call that may have a form in v2; whether it has shows when it is made.
bool may_convert(Operation operation) {
    switch (operation) {
        case Operation::identify:
        case Operation::event:
        case Operation::delete_person:
        case Operation::suppress:
        case Operation::unsuppress:
            return true;
        default:
            return false;
    }
}

std::string reason_of(const customerio::BatchError& error) {
    std::string text = error.reason;
    for (const std::string& part : {error.field, error.message}) {
        if (part.empty()) continue;
        text.append(text.empty() ? "" : ": ").append(part);
    }
    return text.empty() ? "refused without a reason" : text;
}

}  // namespace

std::size_t shared_size(const Event& event, std::optional<customerio::PathIdentifier> identifiers) {
    if (info(event.operation).safety == Safety::once_if_ambiguous) return 0;
    std::size_t size = event.body.size() + kComma;
    if (!customerio::is_v2_operation(event)) {
        if (!identifiers || !may_convert(event.operation)) return 0;
        size += kAroundV1 + event.person.size();
    }
    return size <= customerio::kV2OperationBytesMax ? size : 0;
}

std::optional<std::string> operation_text(const Event& event,
                                          std::optional<customerio::PathIdentifier> identifiers) {
    if (customerio::is_v2_operation(event)) return std::string(event.body);
    if (!identifiers) return std::nullopt;
    return customerio::as_v2_operation(event, *identifiers);
}

transport::OutgoingRequest shared_request(std::string body, const DestinationConfig& destination) {
    transport::OutgoingRequest request = request_to(Endpoint::track, destination);
    request.method = to_string(Method::post);
    request.target = customerio::kBatchTarget;
    request.headers.push_back({"Content-Type", "application/json"});
    request.body = std::move(body);
    request.has_body = true;
    request.repeatable = true;
    request.answer_bytes_kept = transport::kAnswerBodyBytesMax;
    return request;
}

void read_rejections(transport::AttemptResult& result, std::size_t count) {
    constexpr unsigned kPartly = 207;
    const bool is_partly = result.phase == transport::Phase::answered && result.status == kPartly;
    if (is_partly) {
        if (const auto read = customerio::parse_batch_errors(result.body, count)) {
            result.rejected.emplace();
            for (const customerio::BatchError& error : read->errors) {
                result.rejected->push_back({error.index, reason_of(error)});
            }
        }
    }
    result.body.resize(std::min(result.body.size(), transport::kAnswerBodyBytesKept));
}

}  // namespace holdfast::agent
