#include "agent/admin/selection.hpp"

#include "proto/operation.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <initializer_list>

namespace holdfast::agent {
namespace {

constexpr std::array kCauses{FailureCause::poison,
                             FailureCause::ambiguous,
                             FailureCause::too_old,
                             FailureCause::damaged,
                             FailureCause::shed,
                             FailureCause::too_many};
static_assert(kCauses.back() == kLastFailureCause);

bool is_cause(std::string_view text) {
    return std::any_of(kCauses.begin(), kCauses.end(), [&](FailureCause cause) {
        return to_string(cause) == text;
    });
}

// "42" finds "id:42": what stands before the colon is ours.
bool is_person(std::string_view person, std::string_view wanted) {
    if (person == wanted) return true;
    return person.ends_with(wanted) &&
           person.substr(0, person.size() - wanted.size()).ends_with(":");
}

// FNV-1a, with an end behind each text that no text holds in UTF-8.
std::uint64_t hash_of(std::initializer_list<std::string_view> texts) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto add = [&hash](unsigned char byte) { hash = (hash ^ byte) * 0x100000001b3; };
    for (const std::string_view text : texts) {
        for (const char c : text) add(static_cast<unsigned char>(c));
        add(0xff);
    }
    return hash;
}

}  // namespace

Result<void> Selection::set(std::string_view part, const std::string& value) {
    if (part == "since" || part == "until") return set_time(part, value);
    if (part == "operation" && find_operation(value) == nullptr) {
        return Error{Errc::bad_input, "operation: there is no '" + value + "'"};
    }
    if (part == "cause" && !is_cause(value)) {
        return Error{Errc::bad_input, "cause: one of poison, ambiguous, too_old, damaged"};
    }
    if (part == "destination")
        destination_ = value;
    else if (part == "person")
        person_ = value;
    else if (part == "operation")
        operation_ = value;
    else if (part == "name")
        name_ = value;
    else if (part == "cause")
        cause_ = value;
    else if (part == "group")
        group_ = value;
    else
        return Error{Errc::bad_input, "there is no parameter '" + std::string(part) + "'"};
    return {};
}

Result<void> Selection::set_time(std::string_view part, const std::string& value) {
    const std::optional<WallTime> time = parse_rfc3339(value);
    if (!time) {
        return Error{Errc::bad_input,
                     std::string(part) + ": a time as 2026-01-02T03:04:05Z is expected"};
    }
    (part == "since" ? since_ : until_) = time;
    return {};
}

bool Selection::has(const wal::Description& one) const {
    return has_event(one.entry.event()) && has_state(one);
}

bool Selection::has_event(const Event& event) const {
    return (destination_.empty() || event.destination == destination_) &&
           (person_.empty() || is_person(event.person, person_)) &&
           (operation_.empty() || info(event.operation).name == operation_) &&
           (name_.empty() || event.name == name_);
}

bool Selection::has_state(const wal::Description& one) const {
    // Of a damaged one nothing is known that stands in it.
    const bool asks_for_event =
        !(destination_.empty() && person_.empty() && operation_.empty() && name_.empty());
    if (asks_for_event && !one.is_readable) return false;
    const WallTime at = one.failure ? one.failure->failed_at : one.entry.event().accepted_at;
    if ((since_ && at < *since_) || (until_ && at >= *until_)) return false;
    if (!cause_.empty() && (!one.failure || to_string(one.failure->cause) != cause_)) return false;
    return group_.empty() || (one.failure && group_of(one) == group_);
}

void Selection::narrow(wal::Query& query) const {
    query.matches = [*this](const Event& event) { return has_event(event); };
    query.is_asked = [*this](const wal::Description& one) { return has_state(one); };
}

std::string group_of(const wal::Description& dead) {
    static const wal::Failure kNone;
    const Event& event = dead.entry.event();
    const wal::Failure& failure = dead.failure ? *dead.failure : kNone;
    const std::uint64_t hash = hash_of({dead.is_readable ? event.destination : "",
                                        dead.is_readable ? info(event.operation).name : "",
                                        dead.is_readable ? event.name : "",
                                        to_string(failure.cause),
                                        std::to_string(failure.status),
                                        failure.reason});
    return fmt::format("{:012x}", hash >> 16U);
}

}  // namespace holdfast::agent
