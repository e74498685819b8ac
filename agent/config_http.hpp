// The keys of a [[destination]] of type "http".
#pragma once

#include "agent/config.hpp"
#include "agent/config_reader.hpp"

#include <array>
#include <string>
#include <string_view>

namespace holdfast::agent {

inline constexpr std::size_t kHeadersMax = 32;
inline constexpr std::size_t kHeaderNameBytesMax = 64;
inline constexpr std::size_t kHeaderValueBytesMax = 1024;  // as it is written
inline constexpr std::size_t kUrlBytesMax = 2048;
inline constexpr std::size_t kSigningKeyBytesMin = 24;  // both of Standard Webhooks
inline constexpr std::size_t kSigningKeyBytesMax = 64;

// Those that no other type has.
inline constexpr std::array<std::string_view, 11> kHttpKeys = {"url",
                                                               "method",
                                                               "content_type",
                                                               "headers",
                                                               "auth_header",
                                                               "auth_file",
                                                               "auth_credential",
                                                               "signing_secret_file",
                                                               "signing_secret_credential",
                                                               "safety",
                                                               "rate"};

// Fills in Endpoint::http and `http` of the configuration. What is wrong is told to `in`.
void read_http(Section& in, const std::string& credentials_directory, DestinationConfig& config);

}  // namespace holdfast::agent
