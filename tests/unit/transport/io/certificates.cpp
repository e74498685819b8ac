#include "tests/unit/transport/io/certificates.hpp"

#include "proto/assert.hpp"

#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include <filesystem>
#include <fstream>
#include <system_error>

namespace holdfast::transport::testing {
namespace {

constexpr long kDay = 24L * 60 * 60;

std::string text_of(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_ctrl(bio, BIO_CTRL_INFO, 0, static_cast<void*>(&data));
    std::string text(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return text;
}

void add_extension(X509* certificate, X509* issuer, int nid, const std::string& value) {
    X509V3_CTX context{};
    X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, nid, value.c_str());
    HOLDFAST_ASSERT(extension != nullptr);
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
}

void set_common_name(X509* certificate, const std::string& name) {
    const auto* bytes = reinterpret_cast<const unsigned char*>(name.c_str());
    X509_NAME_add_entry_by_txt(
        X509_get_subject_name(certificate), "CN", MBSTRING_UTF8, bytes, -1, -1, 0);
}

void set_serial(X509* certificate) {
    std::uint32_t serial = 0;
    RAND_bytes(reinterpret_cast<unsigned char*>(&serial), sizeof serial);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial);
}

}  // namespace

std::string Identity::certificate_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_X509(bio, certificate.get());
    return text_of(bio);
}

std::string Identity::key_pem() const {
    BIO* bio = BIO_new(BIO_s_mem());
    PEM_write_bio_PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    return text_of(bio);
}

Identity make_identity(const Subject& subject, const Identity* issuer) {
    Identity made;
    made.key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
    made.certificate.reset(X509_new(), X509_free);
    X509* certificate = made.certificate.get();
    X509* signer = issuer != nullptr ? issuer->certificate.get() : certificate;

    X509_set_version(certificate, 2);
    set_serial(certificate);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -10 * kDay);
    X509_gmtime_adj(X509_getm_notAfter(certificate), subject.valid_to_days * kDay);
    X509_set_pubkey(certificate, made.key.get());
    set_common_name(certificate, subject.common_name);
    X509_set_issuer_name(certificate, X509_get_subject_name(signer));
    if (subject.is_authority) {
        add_extension(certificate, signer, NID_basic_constraints, "critical,CA:TRUE");
    }
    if (!subject.alternative_names.empty()) {
        add_extension(certificate, signer, NID_subject_alt_name, subject.alternative_names);
    }
    EVP_PKEY* signing_key = issuer != nullptr ? issuer->key.get() : made.key.get();
    HOLDFAST_ASSERT(X509_sign(certificate, signing_key, EVP_sha256()) > 0);
    return made;
}

TemporaryDirectory::TemporaryDirectory() {
    std::string pattern = (std::filesystem::temp_directory_path() / "holdfast-tls-XXXXXX").string();
    HOLDFAST_ASSERT(mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
}

TemporaryDirectory::~TemporaryDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

std::string TemporaryDirectory::write(const std::string& name, const std::string& content) const {
    std::string path = path_ + "/" + name;
    std::ofstream(path, std::ios::binary) << content;
    return path;
}

}  // namespace holdfast::transport::testing
