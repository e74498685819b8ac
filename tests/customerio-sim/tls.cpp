#include "tests/customerio-sim/tls.hpp"

#include <fmt/format.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <array>
#include <filesystem>
#include <memory>

namespace holdfast::customerio_sim {
namespace {

using ErrorCode = boost::system::error_code;
using Context = boost::asio::ssl::context;

template <auto kFree>
struct FreeWith {
    template <class T>
    void operator()(T* object) const {
        kFree(object);
    }
};

using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using Cert = std::unique_ptr<X509, FreeWith<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, FreeWith<X509_EXTENSION_free>>;
using File = std::unique_ptr<std::FILE, FreeWith<std::fclose>>;

constexpr long kValidFor = 365L * 24 * 3600;

struct Extra {
    int nid;
    const char* value;
};

bool set_name(X509_NAME* name, const char* common_name) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(common_name);
    return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, bytes, -1, -1, 0) == 1;
}

bool set_serial(X509* cert) {
    std::array<unsigned char, 8> random{};
    if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) return false;
    std::uint64_t serial = 1;
    for (const unsigned char byte : random) serial = (serial << 7) ^ byte;
    return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial) == 1;
}

bool add_extension(X509* cert, X509* issuer, const Extra& extra) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, cert, nullptr, nullptr, 0);
    const Extension made(X509V3_EXT_conf_nid(nullptr, &context, extra.nid, extra.value));
    return made && X509_add_ext(cert, made.get(), -1) == 1;
}

// `issuer` is null for a certificate that signs itself. Null on failure.
Cert make_cert(EVP_PKEY* key,
               const char* common_name,
               X509* issuer,
               EVP_PKEY* issuer_key,
               const std::vector<Extra>& extras) {
    Cert cert(X509_new());
    if (!cert) return nullptr;
    X509* signer = issuer != nullptr ? issuer : cert.get();
    bool ok = X509_set_version(cert.get(), X509_VERSION_3) == 1 && set_serial(cert.get()) &&
              X509_gmtime_adj(X509_getm_notBefore(cert.get()), -3600) != nullptr &&
              X509_gmtime_adj(X509_getm_notAfter(cert.get()), kValidFor) != nullptr &&
              X509_set_pubkey(cert.get(), key) == 1 &&
              set_name(X509_get_subject_name(cert.get()), common_name) &&
              X509_set_issuer_name(cert.get(), X509_get_subject_name(signer)) == 1;
    for (const Extra& extra : extras) ok = ok && add_extension(cert.get(), signer, extra);
    ok = ok && X509_sign(cert.get(), issuer_key, EVP_sha256()) > 0;
    return ok ? std::move(cert) : nullptr;
}

std::string openssl_reason(std::string_view doing) {
    std::array<char, 256> text{};
    ERR_error_string_n(ERR_get_error(), text.data(), text.size());
    return fmt::format("{}: {}", doing, text.data());
}

std::optional<std::string> write_ca(const std::string& directory, X509* cert) {
    std::error_code ec;
    std::filesystem::create_directories(directory, ec);
    const std::string path = directory + "/ca.pem";
    const File file(std::fopen(path.c_str(), "w"));
    if (!file || PEM_write_X509(file.get(), cert) != 1) return "cannot write " + path;
    return std::nullopt;
}

}  // namespace

std::optional<std::string> use_files(Context& tls,
                                     const std::string& cert_file,
                                     const std::string& key_file) {
    ErrorCode ec;
    tls.use_certificate_chain_file(cert_file, ec);
    if (ec) return fmt::format("{}: {}", cert_file, ec.message());
    tls.use_private_key_file(key_file, Context::pem, ec);
    if (ec) return fmt::format("{}: {}", key_file, ec.message());
    return std::nullopt;
}

std::optional<std::string> use_self_signed(Context& tls, const std::string& directory) {
    const std::vector<Extra> ca_extras = {{NID_basic_constraints, "critical,CA:TRUE,pathlen:0"},
                                          {NID_key_usage, "critical,keyCertSign,cRLSign"},
                                          {NID_subject_key_identifier, "hash"}};
    const std::vector<Extra> extras = {{NID_basic_constraints, "critical,CA:FALSE"},
                                       {NID_key_usage, "critical,digitalSignature"},
                                       {NID_ext_key_usage, "serverAuth"},
                                       {NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1"},
                                       {NID_subject_key_identifier, "hash"},
                                       {NID_authority_key_identifier, "keyid"}};
    const Key ca_key(EVP_EC_gen("P-256"));
    const Key key(EVP_EC_gen("P-256"));
    if (!ca_key || !key) return openssl_reason("make a key");
    const Cert ca = make_cert(ca_key.get(), "customerio-sim CA", nullptr, ca_key.get(), ca_extras);
    if (!ca) return openssl_reason("make the authority's certificate");
    const Cert cert = make_cert(key.get(), "localhost", ca.get(), ca_key.get(), extras);
    if (!cert) return openssl_reason("make the certificate");
    SSL_CTX* native = tls.native_handle();
    if (SSL_CTX_use_certificate(native, cert.get()) != 1 ||
        SSL_CTX_use_PrivateKey(native, key.get()) != 1) {
        return openssl_reason("use the certificate");
    }
    return write_ca(directory, ca.get());
}

}  // namespace holdfast::customerio_sim
