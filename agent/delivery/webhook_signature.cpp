#include "agent/delivery/webhook_signature.hpp"

#include "agent/base64.hpp"
#include "proto/assert.hpp"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <array>

namespace holdfast::agent {

std::string webhook_signature(std::string_view key,
                              std::string_view id,
                              std::string_view timestamp,
                              std::string_view body) {
    std::string text;
    text.reserve(id.size() + timestamp.size() + body.size() + 2);
    text.append(id).append(".").append(timestamp).append(".").append(body);
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned size = 0;
    const unsigned char* made = HMAC(EVP_sha256(),
                                     key.data(),
                                     static_cast<int>(key.size()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     text.size(),
                                     sum.data(),
                                     &size);
    HOLDFAST_ASSERT(made != nullptr);
    return "v1," + encode_base64({reinterpret_cast<const char*>(sum.data()), size});
}

}  // namespace holdfast::agent
