// The calls that we know. Within this folder only.
#pragma once

#include "proto/customerio/request.hpp"

#include <string>
#include <string_view>

namespace holdfast::customerio {

struct RouteRow {
    Method method;
    // "/api/v1/customers/{identifier}/devices/{device}": {identifier} is a person, another an item
    std::string_view pattern;
    Operation operation;
    Route::Shape shape = Route::Shape::call;
};

// The row that what it asks for is sent by.
[[nodiscard]] const RouteRow& row_of(const Route& route);

// Appends the pattern with what the route found in its places, percent-encoded but for RFC 3986's
// unreserved characters: the one spelling that no server or proxy reads in another way. Of a query
// only `id_type` goes on.
void append_target(std::string_view pattern, const Route& route, std::string& out);

}  // namespace holdfast::customerio
