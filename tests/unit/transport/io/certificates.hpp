// Certificates for tests, made on the spot with OpenSSL; nothing that expires lies in the tree.
#pragma once

#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>

namespace holdfast::transport::testing {

struct Identity {
    std::shared_ptr<X509> certificate;
    std::shared_ptr<EVP_PKEY> key;

    [[nodiscard]] std::string certificate_pem() const;
    [[nodiscard]] std::string key_pem() const;
};

struct Subject {
    std::string common_name = "someone";
    std::string
        alternative_names{};  // as in openssl.cnf: "DNS:localhost,IP:127.0.0.1"; empty: none
    int valid_to_days = 1;    // from now; negative: expired
    bool is_authority = false;
};

// Signed by `issuer`, or by itself when that is null.
[[nodiscard]] Identity make_identity(const Subject& subject, const Identity* issuer = nullptr);

// A directory that goes away with the object.
class TemporaryDirectory {
public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;

    // Writes a file and returns its path.
    std::string write(const std::string& name, const std::string& content) const;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_;
};

}  // namespace holdfast::transport::testing
