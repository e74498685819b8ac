// Who a request is about. Within this folder only.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::customerio {

// Why a decoded identifier cannot be taken, as a text for people; empty when it can.
[[nodiscard]] std::string_view identifier_fault(std::string_view identifier);

// The same for what else a path names: a device, form, delivery or broadcast.
[[nodiscard]] std::string_view item_fault(std::string_view item);

// Appends the person that the vendor sees in a path: "email:…" when it contains '@', "cio_id:…"
// when it starts with "cio_", else "id:…".
void append_person_in_path(std::string_view identifier, std::string& out);

// Appends the person whom a body names by its `kind`: "id", "email", "phone", "cio_id" or
// "anonymous_id". The same person as in a path has the same name.
void append_person(std::string_view kind, std::string_view value, std::string& out);

// Appends "delivery:" and its id: reports of one delivery keep their order.
void append_delivery(std::string_view id, std::string& out);

}  // namespace holdfast::customerio
