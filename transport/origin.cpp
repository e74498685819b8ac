#include "transport/client.hpp"
#include "transport/wire.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <system_error>

namespace holdfast::transport {
namespace {

namespace urls = boost::urls;

Error refuse(std::string why) {
    return {Errc::bad_config, std::move(why)};
}

// Boost.URL also takes percent-encoding here, and with it any byte at all.
bool is_host_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

bool is_this_machine(const std::string& host) {
    boost::system::error_code not_an_address;
    const auto address = boost::asio::ip::make_address(host, not_an_address);
    return not_an_address ? host == "localhost" : address.is_loopback();
}

Result<std::string> host_of(const urls::url_view& url) {
    switch (url.host_type()) {
        case urls::host_type::ipv4:
        case urls::host_type::ipv6:
            return std::string(url.host_address());
        case urls::host_type::ipvfuture:
        case urls::host_type::none:
            return refuse("the host is neither a name nor an IP address");
        case urls::host_type::name:
            break;
    }
    std::string name = url.host_name();
    if (name.empty()) return refuse("the host is missing");
    if (!std::ranges::all_of(name, is_host_char)) {
        return refuse("the host holds a character that no host name has");
    }
    for (char& c : name) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return name;
}

Result<std::uint16_t> port_of(const urls::url_view& url, bool tls) {
    const std::string_view digits(url.port().data(), url.port().size());
    if (digits.empty()) return usual_port(tls);
    std::uint16_t port = 0;  // read here: port_number() of Boost 1.81 wraps around
    const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    if (ec != std::errc() || port == 0) return refuse("the port is not between 1 and 65535");
    return port;
}

// Boost 1.81 takes "1.2.3.4.evil.test" for the address 1.2.3.4 and the path ".evil.test".
bool is_split_in_a_name(const urls::url_view& url) {
    return !url.encoded_path().empty() && !url.encoded_path().starts_with('/');
}

}  // namespace

Result<Origin> parse_origin(std::string_view text) {
    const auto parsed = urls::parse_uri(text);
    if (!parsed || (parsed->has_authority() && is_split_in_a_name(*parsed))) {
        return refuse("not a URL such as https://host[:port][/prefix]");
    }
    const urls::url_view& url = *parsed;

    Origin origin;
    origin.tls = url.scheme_id() == urls::scheme::https;
    if (!origin.tls && url.scheme_id() != urls::scheme::http)
        return refuse("the scheme is not https");
    if (!url.has_authority()) return refuse("the host is missing");
    if (url.has_userinfo()) return refuse("a user or password does not belong in the URL");
    if (url.has_query()) return refuse("a query does not belong in the URL");
    if (url.has_fragment()) return refuse("a fragment does not belong in the URL");

    const Result<std::string> host = host_of(url);
    if (!host) return host.error();
    const Result<std::uint16_t> port = port_of(url, origin.tls);
    if (!port) return port.error();
    if (!origin.tls && !is_this_machine(*host)) {
        return refuse(
            "http is only allowed to this machine (127.0.0.0/8, [::1], localhost); use https");
    }
    origin.host = *host;
    origin.port = *port;
    origin.base_path = std::string(url.encoded_path());
    while (origin.base_path.ends_with('/')) origin.base_path.pop_back();
    return origin;
}

}  // namespace holdfast::transport
