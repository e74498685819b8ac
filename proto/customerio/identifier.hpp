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

// Appends "email:" and the address in lower case: the vendor compares addresses without case.
void append_email(std::string_view address, std::string& out);

// Appends "delivery:" and its id: reports of one delivery keep their order.
void append_delivery(std::string_view id, std::string& out);

// Appends "cio_id:" and the id without the prefix that paths need and bodies may lack.
void append_cio_id(std::string_view cio_id, std::string& out);

}  // namespace holdfast::customerio
