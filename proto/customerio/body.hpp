// The bodies of the calls: each check finds what is wrong with one, and what acceptance needs of
// it. Within this folder only. Texts borrow from the parser that made the object.
#pragma once

#include "proto/customerio/json.hpp"
#include "proto/customerio/request.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::customerio {

[[nodiscard]] std::optional<Refusal> check_identify(simdjson::dom::object body);

struct EventBody {
    Field id{"id"};
    Field timestamp{"timestamp"};
    std::string_view name;          // trimmed
    std::string_view anonymous_id;  // empty: none
    std::string_view recipient;     // of an invitation: data.recipient; empty: none
};

// `json` is the text of `body`, which the DOM does not keep: sizes are measured in it. `data_name`:
// as v2 calls it "attributes".
[[nodiscard]] std::optional<Refusal> check_event(simdjson::dom::object body,
                                                 std::string_view json,
                                                 EventBody& out,
                                                 std::string_view data_name = "data");

// One operation of Track API v2.
struct OperationBody {
    Operation operation{};
    bool is_event = false;  // it gets an id and a time
    EventBody event;        // then
    std::string person;     // or object
    std::string secondary;  // that is merged into `person`; empty: none
};

[[nodiscard]] std::optional<Refusal> check_operation(simdjson::dom::object body,
                                                     std::string_view json,
                                                     OperationBody& out);

// A number, or a string of digits.
[[nodiscard]] bool is_unix_time(const Field& timestamp);

// Who a body is about and what it is called, as far as it says so. Empty when a check begins.
struct Subject {
    std::string person;
    std::string other_person;  // of a merge
    std::string name;
};

// The message is the name. What is no e-mail needs nothing but that and a person.
[[nodiscard]] std::optional<Refusal> check_send_email(simdjson::dom::object body,
                                                      std::string_view json,
                                                      Subject& out);
[[nodiscard]] std::optional<Refusal> check_send(simdjson::dom::object body,
                                                std::string_view json,
                                                Subject& out);

[[nodiscard]] std::optional<Refusal> check_trigger(simdjson::dom::object body,
                                                   std::string_view json);

[[nodiscard]] std::optional<Refusal> check_device(simdjson::dom::object body);

// The primary person is the one that it is about.
[[nodiscard]] std::optional<Refusal> check_merge(simdjson::dom::object body, Subject& out);

[[nodiscard]] std::optional<Refusal> check_segment(simdjson::dom::object body);

// Without "id" and "email" in its data it is nobody's: the workspace may take another field for
// one.
[[nodiscard]] std::optional<Refusal> check_form(simdjson::dom::object body, Subject& out);

// About a delivery; the metric is the name. A push event calls it "event".
[[nodiscard]] std::optional<Refusal> check_metric(simdjson::dom::object body,
                                                  std::string_view metric_field,
                                                  Subject& out);

// Appends the person of an object with exactly one of id, email and cio_id, or says what is wrong
// with it.
[[nodiscard]] std::optional<std::string> read_person(const Field& identifiers, std::string& person);

// The vendor's text for a string that is longer than an attribute may be.
[[nodiscard]] std::string value_too_long(std::string_view attribute);

[[nodiscard]] std::string stands_twice(const Field& field);

}  // namespace holdfast::customerio
