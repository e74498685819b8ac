// A credential of the configuration: PREFIX_file or PREFIX_credential, which names one.
#pragma once

#include "agent/config_reader.hpp"
#include "agent/secret.hpp"

#include <optional>
#include <string>

namespace holdfast::agent {

// Nothing when it is not there, or cannot be taken: then `in` has the error. A key that is pasted
// where its file belongs is not shown. `credentials_directory`: systemd's, may be empty. `place`:
// is told where it was.
[[nodiscard]] std::optional<Secret> read_key(Section& in,
                                             const std::string& prefix,
                                             bool required,
                                             const std::string& credentials_directory,
                                             SecretForm form = SecretForm::word,
                                             SecretPlace* place = nullptr);

}  // namespace holdfast::agent
