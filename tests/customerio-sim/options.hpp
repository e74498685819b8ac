// The command line.
#pragma once

#include "tests/customerio-sim/routes.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::customerio_sim {

struct Options {
    std::vector<std::string> http;  // HOST:PORT each
    std::vector<std::string> https;
    std::vector<std::string> control;
    std::string tls_cert;
    std::string tls_key;
    std::string tls_self_signed;  // a directory that gets ca.pem
    Account account{"sim-site", "sim-key", "sim-app-key", "us"};
    std::string faults_file;
    std::string log_file;
    std::uint64_t seed = 1;
    std::size_t log_max = 1'000'000;
    std::chrono::milliseconds apply_delay{0};
    std::chrono::milliseconds trigger_interval{10'000};
};

// Prints help, version or what is wrong itself; then `options` is empty and `exit_code` is to be
// used.
struct Arguments {
    std::optional<Options> options;
    int exit_code = 0;
};

[[nodiscard]] Arguments parse_arguments(int argc, char** argv);

}  // namespace holdfast::customerio_sim
