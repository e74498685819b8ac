// A stored v1 call: method and target in the first line, behind them the body. What is made of it
// is an operation of Track API v2 that the agent would accept, about the same person, and with the
// numbers and texts that came.
#include "proto/customerio/v2_operation.hpp"

#include "proto/assert.hpp"
#include "proto/customerio/limits.hpp"
#include "proto/customerio/request.hpp"
#include "tests/fuzz/target.hpp"

#include <nlohmann/json.hpp>

namespace {

using namespace holdfast;
using namespace holdfast::customerio;

Method method_of(std::string_view word) {
    for (const Method method : {Method::put, Method::del}) {
        if (to_string(method) == word) return method;
    }
    return Method::post;
}

std::variant<Event, Refusal> accept(Acceptor& acceptor, const Request& request) {
    const auto route = customerio::route(request.method, request.target);
    if (const auto* refusal = std::get_if<Refusal>(&route)) return *refusal;
    return acceptor.accept(
        std::get<Route>(route), request, {.id = {}, .now = {}, .peer = {}, .destination = "x"});
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input = fuzz::text(data, size);
    const std::string_view line = input.substr(0, input.find('\n'));
    const std::size_t blank = std::min(line.find(' '), line.size());
    Event stored;
    stored.method = method_of(line.substr(0, blank));
    stored.target = line.substr(std::min(blank + 1, line.size()));
    stored.body = input.substr(std::min(line.size() + 1, input.size()));
    for (const PathIdentifier holds : {PathIdentifier::id, PathIdentifier::email}) {
        const std::optional<std::string> text = as_v2_operation(stored, holds);
        if (!text) continue;
        HOLDFAST_ASSERT(text->size() <= kV2OperationBytesMax);
        HOLDFAST_ASSERT(nlohmann::json::parse(*text).is_object());  // throws: that is a find
        Acceptor first;
        const auto v1 = accept(first, {to_string(stored.method), stored.target, stored.body});
        const auto* call = std::get_if<Event>(&v1);
        if (call == nullptr) continue;  // would not have been stored
        Acceptor second;
        const auto v2 = accept(second, {"POST", kEntityTarget, *text});
        // With what it gets, an event may be too large: what is stored has that already. And it
        // lies a little deeper.
        const auto* refusal = std::get_if<Refusal>(&v2);
        HOLDFAST_ASSERT(refusal == nullptr || refusal->code == "too_large" ||
                        refusal->message == "body is nested too deep");
        if (refusal != nullptr) continue;
        const auto& operation = std::get<Event>(v2);
        HOLDFAST_ASSERT(operation.operation == call->operation && operation.name == call->name);
    }
    return 0;
}
