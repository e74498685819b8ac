#include "agent/config.hpp"

#include "agent/config_http.hpp"
#include "agent/config_reader.hpp"
#include "agent/config_secret.hpp"
#include "agent/units.hpp"
#include "proto/record.hpp"
#include "transport/client.hpp"
#include "transport/tls.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <fstream>
#include <system_error>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kConfigBytesMax = 1 << 20;
constexpr std::size_t kSocketPathBytesMax = 107;  // sun_path of unix(7), with its NUL
constexpr std::uint64_t kGiB = 1ULL << 30;
constexpr Duration kDay = 24h;

template <class Predicate>
bool each(std::string_view text, std::size_t size_max, Predicate fits) {
    return !text.empty() && text.size() <= size_max && std::all_of(text.begin(), text.end(), fits);
}

bool is_lower_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_name(std::string_view text) {
    return each(
        text, kDestinationBytesMax, [](char c) { return is_lower_or_digit(c) || c == '-'; });
}

// Becomes the user of HTTP Basic authentication, which a colon would end.
bool is_site_id(std::string_view text) {
    return each(text, 128, [](char c) { return c > ' ' && c < '\x7f' && c != ':'; });
}

std::uint32_t read_mode(Section& in, std::string_view key, std::uint32_t fallback) {
    const std::optional<std::string> text = in.text(key);
    if (!text) return fallback;
    std::uint32_t mode = 0;
    const char* end = text->data() + text->size();
    const auto [rest, error] = std::from_chars(text->data(), end, mode, 8);
    const bool ours = (mode & 0600) == 0600;  // the agent's own user is never locked out
    if (error == std::errc() && rest == end && mode <= 0777 && ours) return mode;
    in.error(key, "\"" + *text + "\" does not fit", "octal permission bits, \"0600\" to \"0777\"");
    return fallback;
}

// Everything that comes over TCP is plain text without a password, so it stays on this machine.
std::optional<boost::asio::ip::tcp::endpoint> read_loopback(Section& in, std::string_view key) {
    const std::optional<std::string> text = in.text(key);
    if (!text) return std::nullopt;
    const std::size_t colon = text->rfind(':');
    std::string host = text->substr(0, colon);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const std::string port_text = colon == std::string::npos ? "" : text->substr(colon + 1);

    boost::system::error_code bad;
    const auto address = boost::asio::ip::make_address(host, bad);
    std::uint16_t port = 0;
    const char* end = port_text.data() + port_text.size();
    const auto [rest, error] = std::from_chars(port_text.data(), end, port);
    const bool port_fits = error == std::errc() && rest == end;
    if (!bad && port_fits && address.is_loopback()) return {{address, port}};
    const std::string why = !bad && port_fits ? " is not a loopback address" : " does not fit";
    in.error(key,
             "\"" + *text + "\"" + why,
             "a loopback address and a port, as in \"127.0.0.1:8480\" or \"[::1]:8480\"");
    return std::nullopt;
}

IngestConfig read_ingest(Section in) {
    IngestConfig config{
        .socket = in.path("socket", "/run/holdfast/ingest.sock", kSocketPathBytesMax),
        .socket_mode = read_mode(in, "socket_mode", 0660),
        .http = read_loopback(in, "http"),
        .connections_max = in.integer("connections_max", {1024, 1, 65536}),
        .idempotency_window = in.duration("idempotency_window", {24h, 0s, 30 * kDay}),
    };
    in.refuse_unknown_keys();
    return config;
}

AdminConfig read_admin(Section in) {
    AdminConfig config{
        .socket = in.path("socket", "/run/holdfast/admin.sock", kSocketPathBytesMax),
    };
    in.refuse_unknown_keys();
    return config;
}

wal::OnCorruption read_on_corruption(Section& in) {
    const std::string chosen = in.choice("on_corruption", "quarantine", {"quarantine", "refuse"});
    return chosen == "refuse" ? wal::OnCorruption::refuse : wal::OnCorruption::quarantine;
}

Durability read_durability(Section& in) {
    const std::string chosen = in.choice("durability", "fsync", {"fsync", "buffered"});
    return chosen == "buffered" ? Durability::buffered : Durability::synced;
}

WalConfig read_wal(Section in) {
    WalConfig config{
        .directory = in.path("directory", "/var/lib/holdfast"),
        .history = in.duration("history", {24h, 0s, 365 * kDay}),
        .history_bytes = in.size("history_bytes", {kGiB, 0, 1024 * kGiB}),
        .durability = read_durability(in),
        .on_corruption = read_on_corruption(in),
        .max_bytes = in.size_or("max_bytes", "none", {0, kGiB / 32, 65536 * kGiB}),
        .min_free = in.size_or("min_free", "auto", {0, 0, 1024 * kGiB}),
    };
    in.refuse_unknown_keys();
    return config;
}

LifecycleConfig read_lifecycle(Section in) {
    LifecycleConfig config{
        .drain_timeout = in.duration("drain_timeout", {10s, 0s, 10min}),
    };
    in.refuse_unknown_keys();
    return config;
}

// Of [[destination]], without meaning for one of type "http".
constexpr std::array<std::string_view, 10> kCustomerioKeys = {"site_id",
                                                              "region",
                                                              "api_key_file",
                                                              "api_key_credential",
                                                              "app_key_file",
                                                              "app_key_credential",
                                                              "track_url",
                                                              "track_rate",
                                                              "app_url",
                                                              "app_rate"};

// Reads [[destination]], one after the other.
class DestinationReader {
public:
    DestinationReader(Section in, const std::string& credentials_directory)
        : in_(std::move(in)), credentials_directory_(credentials_directory) {}

    // What no two destinations may share.
    struct Taken {
        std::vector<std::string> names;
        std::vector<std::string> site_ids;
    };

    DestinationConfig read(Taken& taken);

private:
    struct Hosts {
        std::string_view track;
        std::string_view app;
    };

    std::string name(std::vector<std::string>& names_taken);
    std::string site_id(std::vector<std::string>& site_ids_taken);
    void refuse_cap_below(const std::string& cap_key,
                          Duration cap,
                          const std::string& first_key,
                          Duration first);
    std::string ca_file();
    EndpointConfig endpoint(const std::string& prefix, std::string_view host, unsigned rate_max);
    void read_customerio(DestinationConfig& config, std::vector<std::string>& site_ids_taken);

    Section in_;
    const std::string& credentials_directory_;
};

DestinationConfig DestinationReader::read(Taken& taken) {
    DestinationConfig config;
    config.name = name(taken.names);
    config.type = in_.choice("type", "", {"customerio", "http"});
    if (config.type == "http") {
        in_.refuse(kCustomerioKeys, "is for destinations of type \"customerio\" only");
        read_http(in_, credentials_directory_, config);
    } else {
        in_.refuse(kHttpKeys, "is for destinations of type \"http\" only");
        read_customerio(config, taken.site_ids);
    }
    config.ca_file = ca_file();
    config.concurrency = static_cast<unsigned>(in_.integer("concurrency", {10, 1, 256}));
    config.backoff_base = in_.duration("backoff_base", {1s, 10ms, 1h});
    config.backoff_cap = in_.duration("backoff_cap", {5min, 10ms, kDay});
    config.breaker_open = in_.duration("breaker_open", {30s, 10ms, 1h});
    config.breaker_open_cap = in_.duration("breaker_open_cap", {5min, 10ms, kDay});
    config.give_up_after = in_.duration_or_never("give_up_after", {7 * kDay, 1s, 3650 * kDay});
    config.connect_timeout = in_.duration("connect_timeout", {5s, 10ms, 5min});
    config.answer_timeout = in_.duration("answer_timeout", {10s, 10ms, 10min});
    config.policy = read_policy(in_,
                                {.concurrency = config.concurrency,
                                 .backoff_base = config.backoff_base,
                                 .give_up_after = config.give_up_after,
                                 .attempt_max = config.attempt_max()});
    refuse_cap_below("backoff_cap", config.backoff_cap, "backoff_base", config.backoff_base);
    refuse_cap_below(
        "breaker_open_cap", config.breaker_open_cap, "breaker_open", config.breaker_open);
    in_.refuse_unknown_keys();
    return config;
}

void DestinationReader::read_customerio(DestinationConfig& config,
                                        std::vector<std::string>& site_ids_taken) {
    config.site_id = site_id(site_ids_taken);
    const bool eu = in_.choice("region", "us", {"us", "eu"}) == "eu";
    const Hosts hosts = eu ? Hosts{"https://track-eu.customer.io", "https://api-eu.customer.io"}
                           : Hosts{"https://track.customer.io", "https://api.customer.io"};
    EndpointConfig& track = config.endpoint(Endpoint::track);
    EndpointConfig& app = config.endpoint(Endpoint::app);
    track = endpoint("track", hosts.track, 1000);
    track.key =
        read_key(in_, "api_key", true, credentials_directory_, SecretForm::word, &track.key_place);
    app = endpoint("app", hosts.app, 100);
    app.key =
        read_key(in_, "app_key", false, credentials_directory_, SecretForm::word, &app.key_place);
    config.endpoint(Endpoint::broadcasts) = app;
}

void DestinationReader::refuse_cap_below(const std::string& cap_key,
                                         Duration cap,
                                         const std::string& first_key,
                                         Duration first) {
    if (cap >= first) return;
    in_.error(in_.has(cap_key) ? cap_key : first_key,
              "the longest wait is shorter than the first one",
              cap_key + " of at least " + first_key);
}

std::string DestinationReader::name(std::vector<std::string>& names_taken) {
    std::string name = in_.text("name", "1 to 64 of a-z, 0-9 and '-'", is_name);
    if (name.empty()) return name;
    if (std::find(names_taken.begin(), names_taken.end(), name) != names_taken.end()) {
        in_.error(
            "name", "\"" + name + "\" is the name of another destination", "a name of its own");
    }
    names_taken.push_back(name);
    return name;
}

// An app says by it which destination it means.
std::string DestinationReader::site_id(std::vector<std::string>& site_ids_taken) {
    std::string id = in_.text("site_id", "1 to 128 visible ASCII characters but ':'", is_site_id);
    if (std::find(site_ids_taken.begin(), site_ids_taken.end(), id) != site_ids_taken.end()) {
        in_.error("site_id",
                  "\"" + id + "\" is the site id of another destination",
                  "a site id of its own");
    }
    if (!id.empty()) site_ids_taken.push_back(id);
    return id;
}

std::string DestinationReader::ca_file() {
    std::string path = in_.path("ca_file", "");
    if (path.empty()) return path;
    const std::string allowed = "a readable file of PEM certificates";
    if (::access(path.c_str(), R_OK) != 0) {
        in_.error("ca_file",
                  path + " cannot be read: " + std::generic_category().message(errno),
                  allowed);
    } else if (!transport::make_tls_context(path)) {
        in_.error("ca_file", path + " holds no certificate", allowed);
    }
    return path;
}

EndpointConfig DestinationReader::endpoint(const std::string& prefix,
                                           std::string_view host,
                                           unsigned rate_max) {
    EndpointConfig config;
    config.url = in_.text(prefix + "_url").value_or(std::string(host));
    Result<transport::Origin> origin = transport::parse_origin(config.url);
    if (origin) {
        config.origin = *origin;
    } else {
        in_.error(prefix + "_url",
                  origin.error().detail,
                  "https://HOST[:PORT][/PREFIX], or http:// to a loopback address");
    }
    const std::string rate = prefix + "_rate";
    config.rate = static_cast<unsigned>(in_.integer(rate, {100, 1, rate_max}));
    return config;
}

}  // namespace

Result<Config> parse_config(std::string_view text,
                            const std::string& file,
                            const std::string& credentials_directory) {
    const Result<toml::table> toml = parse_toml(text, file);
    if (!toml) return toml.error();

    Findings findings(file);
    Section root(*toml, "", 1, findings);
    Config config;
    config.ingest = read_ingest(root.table("ingest"));
    config.admin = read_admin(root.table("admin"));
    config.wal = read_wal(root.table("wal"));
    config.agent = read_lifecycle(root.table("agent"));
    DestinationReader::Taken taken;
    for (Section& section : root.tables("destination")) {
        config.destinations.push_back(
            DestinationReader(std::move(section), credentials_directory).read(taken));
    }
    if (!root.has("destination")) root.error("destination", "there is none", "[[destination]]");
    if (config.ingest.socket == config.admin.socket) {
        root.error("admin", "its socket is the ingest socket", "a path of its own");
    }
    root.refuse_unknown_keys();

    if (findings.any_errors()) return Error{Errc::bad_config, findings.errors()};
    config.warnings = findings.warnings();
    return config;
}

Result<Config> load_config(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::string text(kConfigBytesMax + 1, '\0');
    if (in) in.read(text.data(), static_cast<std::streamsize>(text.size()));
    if (!in.is_open() || in.bad()) {
        return Error{Errc::bad_config,
                     file + ": cannot be read: " + std::generic_category().message(errno)};
    }
    text.resize(static_cast<std::size_t>(in.gcount()));
    if (text.size() > kConfigBytesMax) {
        return Error{Errc::bad_config,
                     file + ": is too large; allowed: " + format_size(kConfigBytesMax)};
    }
    const char* credentials = std::getenv("CREDENTIALS_DIRECTORY");
    return parse_config(text, file, credentials ? credentials : "");
}

}  // namespace holdfast::agent
