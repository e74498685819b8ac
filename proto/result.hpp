// Expected failures as values. An Errc answers "what do I do now?"; what happened goes into the
// detail.
#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace holdfast {

// Numbers are fixed for ever: they are shown by the admin API and in logs. Add at the end.
enum class Errc : std::uint8_t {
    bad_input = 1,       // what was given breaks the rules; the same again will fail again
    not_found = 2,       // there is no such thing
    corrupt = 3,         // bytes from the disk do not match their checksum or their format
    storage_failed = 4,  // the log cannot promise durability now; nothing is acknowledged
    overloaded = 5,      // a limit is reached; the same again may pass a moment later
    unavailable = 6,     // the other side cannot be reached
    bad_config = 7,      // an operator must edit a file
    busy = 8,            // another process holds what we need
    too_new = 9,         // written by a newer version; this one must not touch it
    log_full = 10,       // the log has as many bytes as it may have
    disk_full = 11,      // the disk has too little room left
    key_reused = 12,     // an idempotency key that stands for something else
};

[[nodiscard]] std::string_view to_string(Errc code);

struct Error {
    Errc code;
    std::string detail;  // for a person: what was attempted, on what, what came back

    [[nodiscard]] Error during(std::string_view doing) && {
        return {code, std::string(doing) + ": " + std::move(detail)};
    }
};

template <class T>
class [[nodiscard]] Result : public boost::system::result<T, Error> {
public:
    using boost::system::result<T, Error>::result;
};

}  // namespace holdfast

namespace boost::system {
// Makes `.value()` on an error a plain abort-by-exception with our text; code tests first and uses
// `*r`.
[[noreturn]] void throw_exception_from_error(const holdfast::Error& error,
                                             const boost::source_location&);
}  // namespace boost::system
