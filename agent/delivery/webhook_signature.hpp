// The signature of Standard Webhooks (standardwebhooks.com), by which a receiver knows that a
// request comes from us, unchanged and not long ago. Pure.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::agent {

// The value of `webhook-signature`: "v1," and the HMAC-SHA256 of "ID.TIMESTAMP.BODY" in base64.
// `key` is what "whsec_…" stands for; `timestamp` in unix seconds, as `webhook-timestamp` has it.
[[nodiscard]] std::string webhook_signature(std::string_view key,
                                            std::string_view id,
                                            std::string_view timestamp,
                                            std::string_view body);

}  // namespace holdfast::agent
