// The calls that we know. Within this folder only.
#pragma once

#include "proto/customerio/request.hpp"

#include <string>
#include <string_view>

namespace holdfast::customerio {

struct RouteRow {
    Method method;
    std::string_view pattern;  // "/api/v1/customers/{identifier}/events"
    Operation operation;
    Route::Shape shape = Route::Shape::call;
};

// The row that what it asks for is sent by.
[[nodiscard]] const RouteRow& row_of(const Route& route);

// Appends the pattern with the identifier in its place, percent-encoded but for RFC 3986's
// unreserved characters: the one spelling that no server or proxy reads in another way.
void append_target(std::string_view pattern, std::string_view identifier, std::string& out);

}  // namespace holdfast::customerio
