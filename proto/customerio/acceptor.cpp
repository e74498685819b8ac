#include "proto/assert.hpp"
#include "proto/customerio/body.hpp"
#include "proto/customerio/identifier.hpp"
#include "proto/customerio/limits.hpp"
#include "proto/customerio/request.hpp"
#include "proto/customerio/route_table.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <optional>

namespace holdfast::customerio {
namespace {

constexpr std::string_view kNull = "null";

Refusal invalid_json(std::string_view message) {
    return {400, "invalid_json", std::string(message)};
}

Refusal parse_refusal(simdjson::error_code error) {
    switch (error) {
        case simdjson::EMPTY:
            return invalid_json("body is empty");
        case simdjson::UTF8_ERROR:
            return invalid_json("body is not valid UTF-8");
        case simdjson::NUMBER_ERROR:
            return invalid_json("body has a malformed number, or one that does not fit 64 bits");
        case simdjson::DEPTH_ERROR:
            return invalid_json("body is nested too deep");
        case simdjson::MEMALLOC:
            throw std::bad_alloc();  // not the fault of the request
        default:
            return invalid_json("body is not valid JSON");
    }
}

Refusal operation_too_large() {
    return {
        400,
        "too_large",
        "an operation cannot be larger than 32000 bytes, with the id and timestamp of an event"};
}

Refusal one_at_a_time() {
    return {400, "batch", "a batch is taken over HTTP; here send each operation to /api/v2/entity"};
}

// The JSON texts of what acceptance adds.
class Additions {
public:
    Additions(const Ulid& id, WallTime now) {
        id_.front() = id_.back() = '"';
        id.write_text(id_.data() + 1);
        const auto [end, error] =
            std::to_chars(seconds_.data(), seconds_.data() + seconds_.size(), unix_seconds(now));
        seconds_size_ = static_cast<std::size_t>(end - seconds_.data());
    }

    [[nodiscard]] std::string_view id() const { return {id_.data(), id_.size()}; }

    [[nodiscard]] std::string_view seconds() const { return {seconds_.data(), seconds_size_}; }

private:
    std::array<char, Ulid::kTextSize + 2> id_{};
    std::array<char, 20> seconds_{};  // a 64-bit number and its sign
    std::size_t seconds_size_ = 0;
};

// Copies JSON to a string with other texts in the place of some nulls, front to back.
class Splicer {
public:
    Splicer(std::string_view json, std::string& out) : json_(json), out_(out) {}

    void copy_until(std::size_t end) {
        out_.append(json_.substr(at_, end - at_));
        at_ = end;
    }

    void replace_null(std::string_view null, std::string_view text) {
        copy_until(static_cast<std::size_t>(null.data() - json_.data()));
        out_.append(text);
        at_ += null.size();
    }

private:
    std::string_view json_;
    std::string& out_;
    std::size_t at_ = 0;
};

// The event with its id and time. What is absent goes behind the opening brace: an event has a
// name, so a comma always follows. Everything else stays as it came, byte for byte.
void splice(std::string_view json,
            const EventBody& event,
            const Additions& additions,
            std::string& out) {
    out.clear();
    Splicer splicer(json, out);
    splicer.copy_until(json.find('{') + 1);
    if (!event.id.present) out.append("\"id\":").append(additions.id()).append(",");
    if (!event.timestamp.present) {
        out.append("\"timestamp\":").append(additions.seconds()).append(",");
    }
    std::array<std::pair<const Field*, std::string_view>, 2> fields{
        {{&event.id, additions.id()}, {&event.timestamp, additions.seconds()}}};
    if (event.timestamp.index < event.id.index) std::swap(fields[0], fields[1]);
    for (const auto& [field, text] : fields) {
        if (!field->present || field->given()) continue;
        splicer.replace_null(value_text(json, field->index), text);
    }
    splicer.copy_until(json.size());
}

}  // namespace

struct Acceptor::Impl {
    simdjson::dom::parser parser;
    std::string target;
    Subject subject;
    std::string body;
    std::string_view given_id;  // in the parser

    // Fills in the subject, and the body of the event.
    std::optional<Refusal> read(const Route& route,
                                std::string_view json,
                                const Acceptance& acceptance,
                                Event& event);
    void read_path(const Route& route);
    std::optional<Refusal> read_body(Operation operation,
                                     std::string_view json,
                                     const Acceptance& acceptance,
                                     Event& event);
    std::optional<Refusal> track(std::string_view json, const Acceptance& acceptance, Event& event);
    std::optional<Refusal> operation(std::string_view json,
                                     const Acceptance& acceptance,
                                     Event& event);
    std::optional<Refusal> check(Operation operation,
                                 simdjson::dom::object object,
                                 std::string_view json);
    void set_lanes(Event& event) const;

    std::variant<simdjson::dom::object, Refusal> parse_object(std::string_view json) {
        simdjson::dom::element root;
        if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
            return parse_refusal(error);
        }
        simdjson::dom::object object;
        if (root.get(object)) return invalid_json("body must be a JSON object");
        return object;
    }

    // Gives the event what it lacks of an id and a time.
    void complete(const EventBody& found, const Acceptance& acceptance, Event& event) {
        subject.name = found.name;
        if (found.id.given()) given_id = found.id.string();
        if (found.id.given() && found.timestamp.given()) return;
        splice(event.body, found, Additions(acceptance.id, acceptance.now), body);
        event.body = body;
    }
};

std::optional<Refusal> Acceptor::Impl::track(std::string_view json,
                                             const Acceptance& acceptance,
                                             Event& event) {
    auto parsed = parse_object(json);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    EventBody found;
    if (auto refusal = check_event(std::get<simdjson::dom::object>(parsed), json, found))
        return refusal;
    if (subject.person.empty()) {  // the path names nobody
        if (!found.anonymous_id.empty()) {
            append_person("anonymous_id", found.anonymous_id, subject.person);
        } else if (!found.recipient.empty()) {
            append_person("email", found.recipient, subject.person);
        }
    }
    event.body = json;
    complete(found, acceptance, event);
    return std::nullopt;
}

void Acceptor::Impl::read_path(const Route& route) {
    if (!route.identifier.empty()) append_person_in_path(route.identifier, subject.person);
    switch (route.operation) {
        case Operation::add_to_segment:
        case Operation::remove_from_segment:
            subject.person.append("segment:").append(route.item);
            break;
        case Operation::unsubscribe:
            append_delivery(route.item, subject.person);
            break;
        case Operation::trigger_broadcast:
            subject.person.append("broadcast:").append(route.item);
            break;
        case Operation::submit_form:
            subject.name = route.item;
            break;
        default:
            break;
    }
}

std::optional<Refusal> Acceptor::Impl::operation(std::string_view json,
                                                 const Acceptance& acceptance,
                                                 Event& event) {
    if (json.size() > kV2OperationBytesMax) return operation_too_large();
    auto parsed = parse_object(json);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    OperationBody found;
    auto refusal = check_operation(std::get<simdjson::dom::object>(parsed), json, found, subject);
    if (refusal) return refusal;
    event.operation = found.operation;
    event.body = json;
    if (found.is_event) complete(found.event, acceptance, event);
    if (event.body.size() > kV2OperationBytesMax) return operation_too_large();
    return std::nullopt;
}

std::optional<Refusal> Acceptor::Impl::check(Operation operation,
                                             simdjson::dom::object object,
                                             std::string_view json) {
    switch (operation) {
        case Operation::identify:
            return check_identify(object);
        case Operation::add_device:
            return check_device(object);
        case Operation::merge:
            return check_merge(object, subject);
        case Operation::add_to_segment:
        case Operation::remove_from_segment:
            return check_segment(object);
        case Operation::submit_form:
            return check_form(object, subject);
        case Operation::report_metric:
            return check_metric(object, "metric", subject);
        case Operation::report_push_event:
            return check_metric(object, "event", subject);
        case Operation::send_email:
            return check_send_email(object, json, subject);
        case Operation::send_push:
        case Operation::send_sms:
        case Operation::send_whatsapp:
        case Operation::send_in_app:
        case Operation::send_inbox_message:
            return check_send(object, json, subject);
        case Operation::trigger_broadcast:
            return check_trigger(object, json);
        default:  // any object will do
            return std::nullopt;
    }
}

std::optional<Refusal> Acceptor::Impl::read_body(Operation operation,
                                                 std::string_view json,
                                                 const Acceptance& acceptance,
                                                 Event& event) {
    switch (operation) {
        case Operation::event:
        case Operation::anonymous_event:
            return track(json, acceptance, event);
        case Operation::delete_person:
        case Operation::suppress:
        case Operation::unsuppress:
        case Operation::delete_device:
            return std::nullopt;  // the path says it all
        case Operation::identify:
        case Operation::unsubscribe:
        case Operation::trigger_broadcast:
            if (const std::string_view text = trimmed(json); text.empty() || text == kNull) {
                event.body = "{}";
                return std::nullopt;
            }
            break;
        default:
            break;
    }
    auto parsed = parse_object(json);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return std::move(*refusal);
    event.body = json;
    return check(operation, std::get<simdjson::dom::object>(parsed), json);
}

std::optional<Refusal> Acceptor::Impl::read(const Route& route,
                                            std::string_view json,
                                            const Acceptance& acceptance,
                                            Event& event) {
    switch (route.shape) {
        case Route::Shape::batch:
            return one_at_a_time();
        case Route::Shape::entity:
            return operation(json, acceptance, event);
        case Route::Shape::call:
            break;
    }
    read_path(route);
    return read_body(route.operation, json, acceptance, event);
}

void Acceptor::Impl::set_lanes(Event& event) const {
    // Nobody's events wait for one another: each has a lane of its own.
    event.lane = event.person.empty() ? lane_of(event.destination, event.id.text())
                                      : lane_of(event.destination, event.person);
    if (subject.other_person.empty()) return;
    const Lane other = lane_of(event.destination, subject.other_person);
    if (other != event.lane) event.also.push_back(other);
}

std::variant<std::vector<std::string_view>, Refusal> Acceptor::split_batch(std::string_view body) {
    const auto refuse = [](Refusal why) {
        why.is_of_v2 = true;
        return why;
    };
    if (body.size() > kV2BatchBytesMax) {
        return refuse({400, "too_large", "a batch cannot be larger than 500000 bytes", "batch"});
    }
    auto parsed = impl_->parse_object(body);
    if (auto* refusal = std::get_if<Refusal>(&parsed)) return refuse(std::move(*refusal));
    std::array<Field, 1> fields{{{"batch"}}};
    const Field& batch = fields.front();
    if (const Field* twice = find_fields(std::get<simdjson::dom::object>(parsed), fields)) {
        return refuse({400, "invalid_batch", stands_twice(*twice), "batch"});
    }
    if (!batch.given() || !batch.value.is_array() ||
        batch.value.get_array().value_unsafe().size() == 0) {
        return refuse({400, "invalid_batch", "batch must be an array of operations", "batch"});
    }
    if (batch.value.get_array().value_unsafe().size() > kV2BatchCountMax) {
        return refuse(
            {400, "too_large", "a batch cannot have more than 10000 operations", "batch"});
    }
    return item_texts(value_text(body, batch.index));
}

Acceptor::Acceptor() : impl_(std::make_unique<Impl>()) {}

Acceptor::~Acceptor() = default;
Acceptor::Acceptor(Acceptor&&) noexcept = default;
Acceptor& Acceptor::operator=(Acceptor&&) noexcept = default;

std::string_view Acceptor::given_id() const {
    return impl_->given_id;
}

std::variant<Event, Refusal> Acceptor::accept(const Route& route,
                                              const Request& request,
                                              const Acceptance& acceptance) {
    if (request.body.size() > kRequestBytesMax) {
        return Refusal{413, "too_large", std::string(text::kRequestTooLarge)};
    }
    const RouteRow& row = row_of(route);
    impl_->subject.person.clear();
    impl_->subject.other_person.clear();
    impl_->subject.name.clear();
    impl_->target.clear();
    impl_->given_id = {};
    append_target(row.pattern, route, impl_->target);
    Event event;
    event.id = acceptance.id;
    event.accepted_at = acceptance.now;
    event.operation = route.operation;
    event.method = row.method;
    event.peer = acceptance.peer;
    event.destination = acceptance.destination;
    event.target = impl_->target;
    if (auto refusal = impl_->read(route, request.body, acceptance, event)) {
        refusal->is_of_v2 = route.shape != Route::Shape::call;
        return std::move(*refusal);
    }
    event.person = impl_->subject.person;
    event.name = impl_->subject.name;
    impl_->set_lanes(event);
    return event;
}

}  // namespace holdfast::customerio
