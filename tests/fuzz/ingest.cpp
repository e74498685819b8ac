// What an app sends: however the stream is cut into pieces, the same requests come out of it; what
// is accepted is a record and, sent on, the same event again.
#include "agent/ingest/request_reader.hpp"
#include "proto/assert.hpp"
#include "proto/customerio/request.hpp"
#include "proto/http/request.hpp"
#include "proto/record.hpp"
#include "tests/fuzz/target.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <random>
#include <vector>

namespace holdfast {
namespace {

using agent::HttpRequest;
using agent::RequestReader;
using nlohmann::json;

struct Exchange {
    std::vector<HttpRequest> requests;
    std::string refusal;  // empty: the end of the stream was reached
    bool inside = false;  // the end came within a request
};

Exchange read(std::string_view stream, const std::function<std::size_t()>& piece_size) {
    Exchange exchange;
    RequestReader reader;
    while (!stream.empty()) {
        const std::string_view piece = stream.substr(0, piece_size());
        stream.remove_prefix(piece.size());
        reader.feed(piece);
        RequestReader::Status status{};
        while ((status = reader.next()) == RequestReader::Status::complete) {
            exchange.requests.push_back(reader.request());
        }
        if (status == RequestReader::Status::refused) {
            exchange.refusal = std::to_string(reader.refusal().status) + reader.refusal().body();
            break;
        }
    }
    exchange.inside = reader.is_inside_request();
    return exchange;
}

// Of a header that has not ended, the parser may say at once what is wrong or wait for the end.
bool same_end(const Exchange& a, const Exchange& b) {
    if (a.refusal.empty() == b.refusal.empty()) {
        return a.refusal == b.refusal && (a.inside == b.inside || !a.refusal.empty());
    }
    return a.refusal.empty() ? a.inside : b.inside;
}

bool same(const Exchange& a, const Exchange& b) {
    return same_end(a, b) && a.requests == b.requests;
}

customerio::Acceptance acceptance() {
    return {.id = *Ulid::parse("01JGJQ4B8E0000000000000000"),
            .now = wall_from_ms(1'767'323'045'678),
            .peer = {},
            .destination = "customerio"};
}

// The record of the event, or nothing for a request that is refused.
std::string accepted(customerio::Acceptor& acceptor, const customerio::Request& request) {
    const auto route = customerio::route(request.method, request.target);
    if (std::holds_alternative<customerio::Refusal>(route)) return {};
    const auto event = acceptor.accept(std::get<customerio::Route>(route), request, acceptance());
    if (std::holds_alternative<customerio::Refusal>(event)) return {};
    std::string record;
    encode_record(std::get<Event>(event), record);
    return record;
}

// Nothing is lost and nothing added but the id and the time.
void check_body(const Event& event, std::string_view sent) {
    const json stored = json::parse(event.body);  // throws: that is a find
    if (event.operation != Operation::event && event.operation != Operation::anonymous_event)
        return;
    json expected = json::parse(sent);
    if (expected.value("id", json()).is_null()) expected["id"] = acceptance().id.text();
    if (expected.value("timestamp", json()).is_null()) {
        expected["timestamp"] = unix_seconds(acceptance().now);
    }
    HOLDFAST_ASSERT(stored == expected);
}

void check(customerio::Acceptor& acceptor, const HttpRequest& request) {
    const std::string record = accepted(acceptor, {request.method, request.target, request.body});
    if (record.empty()) return;
    const Result<Event> event = decode_record(record);
    HOLDFAST_ASSERT(event);
    if (!event->body.empty()) check_body(*event, request.body);
    const std::string again =
        accepted(acceptor, {to_string(event->method), event->target, event->body});
    HOLDFAST_ASSERT(again == record);
    // The admin API shows these: dump() throws at what is not UTF-8.
    (void)json{event->person, event->name, event->target}.dump();
}

std::string accepted(http::Acceptor& acceptor, const http::Request& request) {
    const auto event = acceptor.accept(request,
                                       {.id = acceptance().id,
                                        .now = acceptance().now,
                                        .peer = {},
                                        .destination = "hooks",
                                        .operation = Operation::request});
    if (std::holds_alternative<customerio::Refusal>(event)) return {};
    std::string record;
    encode_record(std::get<Event>(event), record);
    return record;
}

// Key and name may become headers.
void check_http(http::Acceptor& acceptor, const HttpRequest& request) {
    (void)http::destination_in(request.method, request.target);
    const std::string record = accepted(acceptor,
                                        {.method = request.method,
                                         .target = request.target,
                                         .body = request.body,
                                         .key = {request.lane_field, request.lane_fields},
                                         .name = {request.name_field, request.name_fields}});
    if (record.empty()) return;
    const Result<Event> event = decode_record(record);
    HOLDFAST_ASSERT(event && event->body == request.body);
    const auto breaks_headers = [](char c) { return c >= '\0' && (c < ' ' || c == '\x7f'); };
    for (const std::string_view text : {event->person, event->name, event->target}) {
        HOLDFAST_ASSERT(std::none_of(text.begin(), text.end(), breaks_headers));
    }
    const std::string again = accepted(
        acceptor,
        {.method = to_string(event->method), .target = event->target, .body = event->body});
    HOLDFAST_ASSERT(again == record);
    (void)json{event->person, event->name, event->target}.dump();
}

}  // namespace
}  // namespace holdfast

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    const std::string_view stream = fuzz::text(data, size);
    const Exchange whole = read(stream, [=] { return size; });
    HOLDFAST_ASSERT(same(whole, read(stream, [] { return 1; })));
    std::minstd_rand random(static_cast<unsigned>(std::hash<std::string_view>()(stream)));
    HOLDFAST_ASSERT(same(whole, read(stream, [&] { return 1 + random() % 32; })));
    customerio::Acceptor acceptor;
    http::Acceptor http_acceptor;
    for (const HttpRequest& request : whole.requests) {
        if (http::is_target(request.target)) {
            check_http(http_acceptor, request);
        } else {
            check(acceptor, request);
        }
    }
    return 0;
}
