// What TLS means here: 1.2 or newer, the peer's chain and its name verified, no way to switch it
// off. A session is never resumed, so no session can skip these checks.
#pragma once

#include "proto/result.hpp"

#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <memory>
#include <string>

namespace holdfast::transport {

// The trust of one client: the certificates in `ca_file` (PEM) alone or, when it is empty, the
// system's. Errors: bad_config, when the file cannot be read or holds no certificate.
[[nodiscard]] Result<std::unique_ptr<boost::asio::ssl::context>> make_tls_context(
    const std::string& ca_file);

// To be called before the handshake: the peer must prove to be `host`, a name or an IP address, by
// a subject alternative name (the common name is not looked at; `*` stands for one whole label). A
// name is also sent as SNI. False: OpenSSL refused it, and the session must not be used.
[[nodiscard]] bool expect_peer(SSL& session, const std::string& host);

// Why a handshake failed, for people: the verification's verdict if that was the cause.
[[nodiscard]] std::string handshake_error(const SSL& session, const boost::system::error_code& ec);

}  // namespace holdfast::transport
