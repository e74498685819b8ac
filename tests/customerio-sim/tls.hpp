// The TLS side of --https.
#pragma once

#include <boost/asio/ssl/context.hpp>

#include <optional>
#include <string>

namespace holdfast::customerio_sim {

// Both give the reason of a failure.
[[nodiscard]] std::optional<std::string> use_files(boost::asio::ssl::context& tls,
                                                   const std::string& cert_file,
                                                   const std::string& key_file);

// Makes a certificate authority and a certificate for localhost and 127.0.0.1, valid for a year,
// and writes the authority's to `directory`/ca.pem. The private keys stay in memory.
[[nodiscard]] std::optional<std::string> use_self_signed(boost::asio::ssl::context& tls,
                                                         const std::string& directory);

}  // namespace holdfast::customerio_sim
