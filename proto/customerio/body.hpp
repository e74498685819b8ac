// The bodies of the calls: each check finds what is wrong with one, and what acceptance needs of
// it. Within this folder only. Texts borrow from the parser that made the object.
#pragma once

#include "proto/customerio/json.hpp"
#include "proto/customerio/request.hpp"

#include <array>
#include <optional>
#include <span>
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

// A number, or a string of digits.
[[nodiscard]] bool is_unix_time(const Field& timestamp);

// Who a body is about and what it is called, as far as it says so. Empty when a check begins.
struct Subject {
    std::string person;
    std::string other_person;  // of a merge
    std::string name;
};

// One operation of Track API v2.
struct OperationBody {
    Operation operation{};
    bool is_event = false;  // it gets an id and a time
    EventBody event;        // then
};

[[nodiscard]] std::optional<Refusal> check_operation(simdjson::dom::object body,
                                                     std::string_view json,
                                                     OperationBody& out,
                                                     Subject& subject);

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

// What an object may name a person by.
inline constexpr std::array<std::string_view, 3> kPersonKinds = {"id", "email", "cio_id"};

struct Naming {
    std::span<const std::string_view> kinds = kPersonKinds;  // exactly one of these
    bool is_alone = false;  // v2: nothing stands beside it, and an id is no number
};

// Each appends what it reads, or says what is wrong with it; v2 has other names for the fields.
[[nodiscard]] std::optional<std::string> read_person(const Field& identifiers,
                                                     std::string& person,
                                                     const Naming& naming = {});
[[nodiscard]] std::optional<std::string> read_delivery(const Field& id, std::string& person);
[[nodiscard]] std::optional<std::string> read_metric(const Field& metric, std::string& name);

// What is wrong with a device that is added. v2 calls its id "token".
[[nodiscard]] std::optional<std::string> device_fault(const Field& device,
                                                      std::string_view id_name);

// The vendor's text for a string that is longer than an attribute may be.
[[nodiscard]] std::string value_too_long(std::string_view attribute);

[[nodiscard]] std::string stands_twice(const Field& field);

}  // namespace holdfast::customerio
