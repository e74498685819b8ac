#include "proto/result.hpp"

#include <stdexcept>

namespace holdfast {

std::string_view to_string(Errc code) {
    switch (code) {
        case Errc::bad_input:
            return "bad_input";
        case Errc::not_found:
            return "not_found";
        case Errc::corrupt:
            return "corrupt";
        case Errc::storage_failed:
            return "storage_failed";
        case Errc::overloaded:
            return "overloaded";
        case Errc::unavailable:
            return "unavailable";
        case Errc::bad_config:
            return "bad_config";
        case Errc::busy:
            return "busy";
        case Errc::too_new:
            return "too_new";
        case Errc::log_full:
            return "log_full";
        case Errc::disk_full:
            return "disk_full";
        case Errc::key_reused:
            return "key_reused";
    }
    return "unknown";
}

}  // namespace holdfast

namespace boost::system {

void throw_exception_from_error(const holdfast::Error& error, const boost::source_location&) {
    throw std::logic_error("unchecked error: " + error.detail);
}

}  // namespace boost::system
