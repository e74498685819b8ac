// A credential, and how it comes out of a file.
#pragma once

#include "proto/result.hpp"

#include <cstdint>
#include <string>
#include <utility>

namespace holdfast::agent {

enum class SecretForm : std::uint8_t {
    word,   // no spaces
    words,  // with single spaces between them, as in "Bearer …"
};

// Where a credential is read from.
struct SecretPlace {
    std::string path;
    SecretForm form = SecretForm::word;
};

// A text that is not shown by accident: it has no operator<< and no conversion.
class Secret {
public:
    explicit Secret(std::string text) : text_(std::move(text)) {}

    // For the Authorization header, or as the key of a signature, and nothing else.
    [[nodiscard]] const std::string& reveal() const { return text_; }

    bool operator==(const Secret&) const = default;

private:
    std::string text_;
};

struct SecretFile {
    Secret secret;
    bool others_may_read = false;  // worth a warning
};

inline constexpr std::size_t kSecretBytesMax = 1024;

// Reads a regular file of at most kSecretBytesMax printable ASCII characters; one newline at its
// end is dropped. Errors: bad_config, also for a file that its group or others may write, as they
// could then send the events to an account of their own.
[[nodiscard]] Result<SecretFile> read_secret(const std::string& path,
                                             SecretForm form = SecretForm::word);

}  // namespace holdfast::agent
