#include "agent/config_secret.hpp"

#include <algorithm>
#include <string_view>

namespace holdfast::agent {
namespace {

// What systemd takes as the name of a credential, and nothing that leaves the directory.
bool is_credential_name(std::string_view text) {
    const auto fits = [](char c) { return c > ' ' && c < '\x7f' && c != '/' && c != ':'; };
    return !text.empty() && text.size() <= 255 && text != "." && text != ".." &&
           std::all_of(text.begin(), text.end(), fits);
}

std::optional<Secret> secret(Section& in, const std::string& key, const SecretPlace& place) {
    Result<SecretFile> file = read_secret(place.path, place.form);
    if (!file) {
        in.error(
            key,
            file.error().detail,
            "a file with one credential of visible ASCII characters, writable by its owner only");
        return std::nullopt;
    }
    if (file->others_may_read)
        in.warn(key, place.path + " may be read by every user of this machine");
    return std::move(file->secret);
}

}  // namespace

std::optional<Secret> read_key(Section& in,
                               const std::string& prefix,
                               bool required,
                               const std::string& credentials_directory,
                               SecretForm form,
                               SecretPlace* place) {
    SecretPlace found{.path = {}, .form = form};
    SecretPlace& at = place != nullptr ? *place : found;
    at.form = form;
    const std::string by_file = prefix + "_file";
    const std::string by_credential = prefix + "_credential";
    const std::string path = in.path(by_file, "");
    const std::optional<std::string> credential = in.text(by_credential);
    const std::string one_of = by_file + " or " + by_credential + ", one of the two";

    if (in.has(by_file) && in.has(by_credential)) {
        in.error(by_credential, "there is " + by_file + " as well", one_of);
    } else if (!in.has(by_file) && !in.has(by_credential)) {
        if (required) in.error(by_file, "is missing", one_of);
    } else if (!path.empty()) {
        at.path = path;
        return secret(in, by_file, at);
    } else if (credential && !is_credential_name(*credential)) {
        in.error(by_credential,
                 "is not the name of a credential",
                 "the NAME of a LoadCredential= in the unit");
    } else if (credential && credentials_directory.empty()) {
        in.error(by_credential,
                 "$CREDENTIALS_DIRECTORY is not set",
                 "a credential only when systemd starts the agent, with LoadCredential=");
    } else if (credential) {
        at.path = credentials_directory + "/" + *credential;
        return secret(in, by_credential, at);
    }
    return std::nullopt;
}

}  // namespace holdfast::agent
