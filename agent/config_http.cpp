#include "agent/config_http.hpp"

#include "agent/base64.hpp"
#include "agent/config_secret.hpp"
#include "transport/client.hpp"
#include "transport/wire.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

constexpr std::string_view kAuthorization = "Authorization";
constexpr std::string_view kSecretPrefix = "whsec_";

bool is_same_name(std::string_view a, std::string_view b) {
    return boost::beast::iequals({a.data(), a.size()}, {b.data(), b.size()});
}

struct Reserved {
    std::string_view header;
    std::string_view why;
};

constexpr std::string_view kFraming = "belongs to the connection";
constexpr std::string_view kSetHere = "is set by the agent";

constexpr std::array kReserved = {
    Reserved{"Host", kFraming},
    Reserved{"Content-Length", kFraming},
    Reserved{"Transfer-Encoding", kFraming},
    Reserved{"Connection", kFraming},
    Reserved{"Keep-Alive", kFraming},
    Reserved{"Proxy-Connection", kFraming},
    Reserved{"Upgrade", kFraming},
    Reserved{"TE", kFraming},
    Reserved{"Trailer", kFraming},
    Reserved{"Expect", kFraming},
    Reserved{"User-Agent", kSetHere},
    Reserved{"Idempotency-Key", kSetHere},
    Reserved{"webhook-id", kSetHere},
    Reserved{"webhook-timestamp", kSetHere},
    Reserved{"webhook-signature", kSetHere},
    Reserved{"Content-Type", "is set by content_type"},
    Reserved{kAuthorization, "holds a credential, which does not belong here, but in auth_file"},
};

const Reserved* find_reserved(std::string_view header) {
    const auto found = std::find_if(kReserved.begin(), kReserved.end(), [&](const Reserved& one) {
        return is_same_name(one.header, header);
    });
    return found == kReserved.end() ? nullptr : &*found;
}

bool is_header_name(std::string_view text) {
    return text.size() <= kHeaderNameBytesMax && transport::is_header_name(text);
}

bool is_content_type(std::string_view text) {
    const auto fits = [](char c) { return c >= ' ' && c < '\x7f'; };
    return !text.empty() && text.size() <= 255 && std::all_of(text.begin(), text.end(), fits);
}

constexpr std::string_view kHeaderNameAllowed =
    "the name of a header: 1 to 64 letters, digits and !#$%&'*+-.^_`|~";

// "https://host/a/b?c=d": where to connect, and what to ask for there.
struct Url {
    std::string shown;  // without the query, which may hold a credential
    transport::Origin origin;
    std::string target;
};

Result<Url> parse_url(std::string_view text) {
    if (text.size() > kUrlBytesMax) return Error{Errc::bad_config, "the URL is too long"};
    const std::size_t end = std::min(text.find('?'), text.size());
    Url url;
    url.shown = text.substr(0, end);
    const Result<transport::Origin> origin = transport::parse_origin(url.shown);
    if (!origin) return origin.error();
    url.origin = *origin;
    url.origin.base_path.clear();
    const std::size_t path = std::min(url.shown.find('/', url.shown.find("://") + 3), end);
    if (path == end) url.target = "/";
    url.target.append(text.substr(path));
    const auto fits = [](char c) { return c > ' ' && c < '\x7f' && c != '#'; };
    if (!std::all_of(url.target.begin(), url.target.end(), fits)) {
        return Error{Errc::bad_config, "the query holds a character that no query has"};
    }
    return url;
}

class HttpReader {
public:
    HttpReader(Section& in, const std::string& credentials_directory, DestinationConfig& config)
        : in_(in),
          credentials_directory_(credentials_directory),
          endpoint_(config.endpoint(Endpoint::http)),
          http_(config.http) {}

    void read();

private:
    void url();
    void auth();
    void signing();
    void headers();
    void header(Section& headers, const std::string& name);

    Section& in_;
    const std::string& credentials_directory_;
    EndpointConfig& endpoint_;
    HttpConfig& http_;
};

void HttpReader::read() {
    url();
    http_.method =
        in_.choice("method", "post", {"post", "put"}) == "put" ? Method::put : Method::post;
    http_.content_type = in_.text("content_type").value_or("application/json");
    if (!is_content_type(http_.content_type)) {
        in_.error("content_type", "does not fit", "1 to 255 ASCII characters");
    }
    const bool once =
        in_.choice("safety",
                   to_string(Safety::dedup_by_id),
                   {to_string(Safety::dedup_by_id), to_string(Safety::once_if_ambiguous)}) ==
        to_string(Safety::once_if_ambiguous);
    http_.operation = once ? Operation::request_once : Operation::request;
    endpoint_.rate = static_cast<unsigned>(in_.integer("rate", {100, 1, 100000}));
    auth();
    signing();
    headers();
}

// Not shown: it may hold a password.
void HttpReader::url() {
    constexpr std::string_view kAllowed =
        "https://HOST[:PORT][/PATH][?QUERY] of at most 2048 bytes, or http:// to a loopback "
        "address";
    const std::optional<std::string> text = in_.text("url");
    if (!text) {
        if (!in_.has("url")) in_.error("url", "is missing", kAllowed);
        return;
    }
    Result<Url> url = parse_url(*text);
    if (!url) return in_.error("url", url.error().detail, kAllowed);
    endpoint_.url = std::move(url->shown);
    endpoint_.origin = std::move(url->origin);
    http_.target = std::move(url->target);
}

void HttpReader::auth() {
    endpoint_.key = read_key(
        in_, "auth", false, credentials_directory_, SecretForm::words, &endpoint_.key_place);
    http_.auth_header = in_.text("auth_header").value_or(std::string(kAuthorization));
    if (!in_.has("auth_header")) return;
    if (!is_header_name(http_.auth_header)) {
        in_.error("auth_header", "is no name of a header", kHeaderNameAllowed);
    }
    const Reserved* reserved = find_reserved(http_.auth_header);
    if (reserved != nullptr && reserved->header != kAuthorization) {
        in_.error("auth_header", std::string(reserved->why), "another header");
    }
    if (!in_.has("auth_file") && !in_.has("auth_credential")) {
        in_.error("auth_header", "there is nothing to put in it", "auth_file or auth_credential");
    }
}

void HttpReader::signing() {
    const std::string prefix = "signing_secret";
    const std::optional<Secret> secret = read_key(in_, prefix, false, credentials_directory_);
    if (!secret) return;
    const std::string& text = secret->reveal();
    std::optional<std::string> key;
    if (text.starts_with(kSecretPrefix)) key = decode_base64(text.substr(kSecretPrefix.size()));
    if (key && key->size() >= kSigningKeyBytesMin && key->size() <= kSigningKeyBytesMax) {
        http_.signing_key = Secret(std::move(*key));
        return;
    }
    const std::string by_file = prefix + "_file";
    in_.error(in_.has(by_file) ? by_file : prefix + "_credential",
              "holds no signing secret",
              "\"whsec_\" and 24 to 64 random bytes in base64, as in Standard Webhooks");
}

void HttpReader::headers() {
    Section headers = in_.table("headers");
    const std::vector<std::string> names = headers.keys();
    if (names.size() > kHeadersMax) {
        in_.error("headers",
                  "there are " + std::to_string(names.size()),
                  "at most " + std::to_string(kHeadersMax));
    }
    for (const std::string& name : names) header(headers, name);
}

void HttpReader::header(Section& headers, const std::string& name) {
    const std::optional<std::string> text = headers.text(name);
    if (!is_header_name(name)) {
        return headers.error(name, "is no name of a header", kHeaderNameAllowed);
    }
    if (const Reserved* reserved = find_reserved(name)) {
        return headers.error(name, reserved->why, "other headers");
    }
    const auto same = [&](const HttpConfig::Header& one) { return is_same_name(one.name, name); };
    if (std::any_of(http_.headers.begin(), http_.headers.end(), same)) {
        return headers.error(name, "stands twice, since case does not count", "one of each name");
    }
    if (is_same_name(name, http_.auth_header)) {
        return headers.error(name, "is set by auth_header", "other headers");
    }
    if (!text) return;
    if (text->empty() || text->size() > kHeaderValueBytesMax ||
        !transport::is_header_value(*text)) {
        return headers.error(name, "does not fit", "1 to 1024 bytes without control characters");
    }
    Result<HeaderTemplate> value = HeaderTemplate::parse(*text);
    if (!value) return headers.error(name, value.error().detail, header_variables());
    http_.headers.push_back({name, std::move(*value)});
}

}  // namespace

void read_http(Section& in, const std::string& credentials_directory, DestinationConfig& config) {
    HttpReader(in, credentials_directory, config).read();
}

}  // namespace holdfast::agent
