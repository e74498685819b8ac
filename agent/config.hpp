// The agent's configuration: read once, checked in whole, then never asked about again.
#pragma once

#include "agent/config_policy.hpp"
#include "agent/header_template.hpp"
#include "agent/secret.hpp"
#include "proto/durability.hpp"
#include "proto/operation.hpp"
#include "proto/result.hpp"
#include "proto/time.hpp"
#include "transport/attempt.hpp"
#include "wal/on_corruption.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::agent {

struct IngestConfig {
    std::string socket;
    std::uint32_t socket_mode = 0;                       // permission bits
    std::optional<boost::asio::ip::tcp::endpoint> http;  // always a loopback address
    std::size_t connections_max = 0;                     // of the socket and of `http` together
    Duration idempotency_window{};                       // 0: keys mean nothing
};

struct AdminConfig {
    std::string socket;
};

struct WalConfig {
    std::string directory;
    Duration history{};  // how long complete entries are kept
    std::uint64_t history_bytes = 0;
    Durability durability{};
    wal::OnCorruption on_corruption{};
    std::optional<std::uint64_t> max_bytes;  // of the directory; nothing: no limit
    std::optional<std::uint64_t> min_free;   // nothing: in proportion to the disk
};

struct LifecycleConfig {
    Duration drain_timeout{};
};

struct EndpointConfig {
    std::string url;  // as it is shown
    transport::Origin origin;
    std::optional<Secret> key;  // there is always one for Endpoint::track
    SecretPlace key_place;      // with a key: where another may be found later
    unsigned rate = 0;          // requests a second
};

// What goes to a destination of type "http", besides the body.
struct HttpConfig {
    struct Header {
        std::string name;
        HeaderTemplate value;
    };

    Method method = Method::post;  // or put
    std::string target;            // path and query of the URL
    std::string content_type;
    std::vector<Header> headers;               // none of those that the agent sets itself
    std::string auth_header;                   // in which the endpoint's key goes, as it is
    std::optional<Secret> signing_key;         // the bytes that "whsec_…" stands for
    Operation operation = Operation::request;  // or request_once
};

struct DestinationConfig {
    std::string name;  // unique; [a-z0-9-]{1,64}
    std::string type;  // "customerio" or "http"
    std::string site_id;
    std::array<EndpointConfig, kEndpointCount> endpoints;
    HttpConfig http;           // with Endpoint::http only
    std::string ca_file;       // empty: the system's
    unsigned concurrency = 0;  // requests in flight, of all endpoints together
    Duration backoff_base{};
    Duration backoff_cap{};
    Duration breaker_open{};                // how long a breaker stays open at first …
    Duration breaker_open_cap{};            // … and at most, after it opened again and again
    std::optional<Duration> give_up_after;  // nothing: never
    Duration connect_timeout{};
    Duration answer_timeout{};
    PolicyConfig policy;

    // No attempt takes longer.
    [[nodiscard]] Duration attempt_max() const { return connect_timeout + 2 * answer_timeout; }

    [[nodiscard]] const EndpointConfig& endpoint(Endpoint which) const {
        return endpoints[static_cast<std::size_t>(which)];
    }

    [[nodiscard]] EndpointConfig& endpoint(Endpoint which) {
        return endpoints[static_cast<std::size_t>(which)];
    }

    // Whether destinations of this type have it.
    [[nodiscard]] bool has(Endpoint which) const { return !endpoint(which).url.empty(); }

    // Whether events are taken for it: the vendor's need a key.
    [[nodiscard]] bool serves(Endpoint which) const {
        return has(which) && (which == Endpoint::http || endpoint(which).key);
    }
};

// What is in here is within its bounds and free of contradictions: nobody checks again.
struct Config {
    IngestConfig ingest;
    AdminConfig admin;
    WalConfig wal;
    LifecycleConfig agent;
    std::vector<DestinationConfig> destinations;  // at least one
    std::vector<std::string> warnings;            // for the operator; the agent starts all the same

private:
    Config() = default;
    friend Result<Config> parse_config(std::string_view, const std::string&, const std::string&);
};

// Reads `file` and the key files that it names, with $CREDENTIALS_DIRECTORY of the environment.
// Errors: bad_config; the detail has a line for each thing that is wrong.
[[nodiscard]] Result<Config> load_config(const std::string& file);

// The same for a text that `file` names in messages. `credentials_directory` may be empty.
[[nodiscard]] Result<Config> parse_config(std::string_view text,
                                          const std::string& file,
                                          const std::string& credentials_directory = {});

}  // namespace holdfast::agent
