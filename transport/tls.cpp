#include "transport/tls.hpp"

#include <boost/asio/ip/address.hpp>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace holdfast::transport {
namespace {

namespace ssl = boost::asio::ssl;
using boost::system::error_code;

constexpr int kChainDepthMax = 10;

// OpenSSL also takes a file that holds only revocation lists, which would trust nobody.
bool holds_certificate(ssl::context& context) {
    const STACK_OF(X509_OBJECT)* all =
        X509_STORE_get0_objects(SSL_CTX_get_cert_store(context.native_handle()));
    for (int i = 0; i < sk_X509_OBJECT_num(all); ++i) {
        if (X509_OBJECT_get0_X509(sk_X509_OBJECT_value(all, i)) != nullptr) return true;
    }
    return false;
}

error_code load_trust(ssl::context& context, const std::string& ca_file) {
    error_code ec;
    if (ca_file.empty()) {
        context.set_default_verify_paths(ec);
    } else {
        context.load_verify_file(ca_file, ec);
    }
    return ec;
}

}  // namespace

Result<std::unique_ptr<ssl::context>> make_tls_context(const std::string& ca_file) {
    auto context = std::make_unique<ssl::context>(ssl::context::tls_client);
    SSL_CTX* native = context->native_handle();
    SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
    SSL_CTX_set_options(native, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    context->set_verify_mode(ssl::verify_peer);
    context->set_verify_depth(kChainDepthMax);

    if (const error_code ec = load_trust(*context, ca_file); ec) {
        const std::string which =
            ca_file.empty() ? "the system's CA certificates" : "ca_file " + ca_file;
        return Error{Errc::bad_config, which + ": " + ec.message()};
    }
    if (!ca_file.empty() && !holds_certificate(*context)) {
        return Error{Errc::bad_config, "ca_file " + ca_file + ": holds no certificate"};
    }
    return context;
}

bool expect_peer(SSL& session, const std::string& host) {
    error_code not_an_address;
    boost::asio::ip::make_address(host, not_an_address);
    if (!not_an_address) {
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(&session), host.c_str()) == 1;
    }
    SSL_set_hostflags(&session,
                      X509_CHECK_FLAG_NEVER_CHECK_SUBJECT | X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    // SSL_set_tlsext_host_name() without its C cast.
    return SSL_set1_host(&session, host.c_str()) == 1 &&
           SSL_ctrl(&session,
                    SSL_CTRL_SET_TLSEXT_HOSTNAME,
                    TLSEXT_NAMETYPE_host_name,
                    const_cast<char*>(host.c_str())) == 1;
}

std::string handshake_error(const SSL& session, const error_code& ec) {
    const long verdict = SSL_get_verify_result(&session);
    if (verdict == X509_V_OK) return ec.message();
    return std::string("certificate refused: ") + X509_verify_cert_error_string(verdict);
}

}  // namespace holdfast::transport
