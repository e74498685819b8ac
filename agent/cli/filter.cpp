#include "agent/cli/filter.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

namespace holdfast::cli {
namespace {

template <class Visit>
void visit_parts(const Filter& filter, const Visit& visit) {
    visit("destination", filter.destination);
    visit("person", filter.person);
    visit("operation", filter.operation);
    visit("name", filter.name);
    visit("cause", filter.cause);
    visit("group", filter.group);
    visit("since", filter.since);
    visit("until", filter.until);
}

}  // namespace

std::string parameter(const char* name, const std::string& value) {
    if (value.empty()) return "";
    return "&" + std::string(name) + "=" +
           boost::urls::encode(value, boost::urls::unreserved_chars);
}

std::string parameters_of(const Filter& filter) {
    std::string all;
    visit_parts(filter,
                [&](const char* name, const std::string& value) { all += parameter(name, value); });
    return all;
}

Json where_of(const Filter& filter) {
    Json where = Json::object();
    visit_parts(filter, [&](const char* name, const std::string& value) {
        if (!value.empty()) where[name] = value;
    });
    return where;
}

}  // namespace holdfast::cli
