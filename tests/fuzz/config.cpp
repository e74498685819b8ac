// A configuration file: each line of a refusal says where, and what is taken is within the bounds
// that nobody checks again.
#include "agent/config.hpp"

#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace holdfast::agent {
namespace {

// Where `api_key_credential = "key"` finds one.
class Credentials {
public:
    Credentials() {
        HOLDFAST_ASSERT(::mkdtemp(path_.data()) != nullptr);
        std::ofstream(path_ + "/key") << "an-api-key\n";
        std::filesystem::permissions(path_ + "/key", std::filesystem::perms::owner_read);
    }

    Credentials(const Credentials&) = delete;
    Credentials& operator=(const Credentials&) = delete;

    ~Credentials() { std::filesystem::remove_all(path_); }

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = std::filesystem::temp_directory_path() / "holdfast-fuzz-XXXXXX";
};

void check_refusal(const Error& error) {
    HOLDFAST_ASSERT(error.code == Errc::bad_config && !error.detail.empty());
    std::istringstream lines(error.detail);
    for (std::string line; std::getline(lines, line);) {
        HOLDFAST_ASSERT(line.starts_with("holdfast.toml:"));
    }
}

void check_taken(const Config& config) {
    HOLDFAST_ASSERT(!config.destinations.empty());
    HOLDFAST_ASSERT(config.ingest.socket != config.admin.socket);
    HOLDFAST_ASSERT(config.ingest.connections_max > 0);
    std::set<std::string> names;
    for (const DestinationConfig& destination : config.destinations) {
        HOLDFAST_ASSERT(!destination.name.empty() && names.insert(destination.name).second);
        const bool is_http = destination.type == "http";
        HOLDFAST_ASSERT(destination.serves(is_http ? Endpoint::http : Endpoint::track));
        HOLDFAST_ASSERT(!is_http || destination.http.target.starts_with('/'));
        HOLDFAST_ASSERT(destination.concurrency > 0);
        HOLDFAST_ASSERT(destination.backoff_cap >= destination.backoff_base);
        HOLDFAST_ASSERT(destination.breaker_open_cap >= destination.breaker_open);
        for (const Endpoint which : kEndpoints) {
            if (!destination.has(which)) continue;
            const EndpointConfig& endpoint = destination.endpoint(which);
            HOLDFAST_ASSERT(endpoint.rate > 0 && !endpoint.origin.host.empty());
        }
    }
}

}  // namespace
}  // namespace holdfast::agent

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    static const agent::Credentials credentials;
    const auto config =
        agent::parse_config(fuzz::text(data, size), "holdfast.toml", credentials.path());
    if (config) {
        agent::check_taken(*config);
    } else {
        agent::check_refusal(config.error());
    }
    return 0;
}
