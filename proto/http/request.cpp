#include "proto/http/request.hpp"

#include <boost/url/decode_view.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <simdjson.h>

#include <algorithm>
#include <optional>

namespace holdfast::http {
namespace {

namespace urls = boost::urls;

constexpr std::string_view kPrefix = "/destinations";
constexpr std::string_view kSuffix = "/events";
constexpr std::string_view kAllowed = "; the query may have one `key` and one `name`";

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_text(std::string_view text, std::size_t bytes_max) {
    return !text.empty() && text.size() <= bytes_max && text.front() != ' ' && text.back() != ' ' &&
           std::none_of(text.begin(), text.end(), is_control) && simdjson::validate_utf8(text);
}

std::string_view path_of(std::string_view target) {
    return target.substr(0, target.find('?'));
}

Refusal invalid_query(std::string what) {
    return {400, "invalid_query", what.append(kAllowed)};
}

// What names the lane, or the event: once, in a field or in the query.
class Label {
public:
    Label(std::string_view parameter, std::string_view field, std::size_t bytes_max)
        : parameter_(parameter), field_(field), bytes_max_(bytes_max) {}

    [[nodiscard]] std::string_view parameter() const { return parameter_; }

    [[nodiscard]] bool is_given() const { return count_ > 0; }

    [[nodiscard]] const std::string& text() const { return text_; }  // "" when it is not given

    void begin(const Field& field) {
        text_.assign(field.value);
        count_ = field.count;
    }

    void add(urls::pct_string_view encoded) {
        ++count_;
        encoded.decode({}, urls::string_token::assign_to(text_));
    }

    [[nodiscard]] std::optional<Refusal> fault() const {
        const std::string code = "invalid_" + std::string(parameter_);
        const std::string who = std::string(field_) + " or `" + std::string(parameter_) + "`";
        if (count_ > 1) return Refusal{400, code, who + " stands more than once"};
        if (count_ == 0 || is_text(text_, bytes_max_)) return std::nullopt;
        return Refusal{400,
                       code,
                       who + " must be 1 to " + std::to_string(bytes_max_) +
                           " bytes of UTF-8 without control characters or a blank at its ends"};
    }

private:
    std::string_view parameter_;
    std::string_view field_;
    std::size_t bytes_max_;
    std::string text_;
    std::size_t count_ = 0;
};

}  // namespace

struct Acceptor::Impl {
    Label key{"key", kKeyField, kKeyBytesMax};
    Label name{"name", kNameField, kEventNameBytesMax};
    std::string person;
    std::string target;

    // A parameter that nobody knows could be a misspelt key, and with it the order were lost.
    std::optional<Refusal> read_query(std::string_view query) {
        while (!query.empty()) {
            const std::string_view one = query.substr(0, query.find('&'));
            query.remove_prefix(std::min(one.size() + 1, query.size()));
            if (one.empty()) continue;
            const std::size_t equals = std::min(one.find('='), one.size());
            Label* label = label_of(one.substr(0, equals));
            if (label == nullptr) return invalid_query("unknown parameter");
            const auto value =
                urls::make_pct_string_view(one.substr(std::min(equals + 1, one.size())));
            if (!value) return invalid_query("invalid percent-encoding");
            label->add(*value);
        }
        return std::nullopt;
    }

    Label* label_of(std::string_view parameter) {
        for (Label* label : {&key, &name}) {
            if (label->parameter() == parameter) return label;
        }
        return nullptr;
    }

    void make_target(std::string_view destination) {
        target.assign(kPrefix).append("/").append(destination).append(kSuffix);
        char separator = '?';
        for (const Label* label : {&key, &name}) {
            if (!label->is_given()) continue;
            target.append(1, separator).append(label->parameter()).append("=");
            urls::encode(
                label->text(), urls::unreserved_chars, {}, urls::string_token::append_to(target));
            separator = '&';
        }
    }
};

bool is_target(std::string_view target) {
    const std::string_view path = path_of(target);
    return path == kPrefix ||
           (path.starts_with(kPrefix) && path.substr(kPrefix.size()).starts_with('/'));
}

std::variant<std::string_view, Refusal> destination_in(std::string_view method,
                                                       std::string_view target) {
    std::string_view name = path_of(target).substr(kPrefix.size());
    const std::size_t end = name.size() - std::min(name.size(), kSuffix.size());
    if (name.substr(end) != kSuffix || name.find('/', 1) != end) {
        return Refusal{404, "not_found", "no such path; it is /destinations/NAME/events"};
    }
    if (method != to_string(Method::post)) {
        return Refusal{405, "method_not_allowed", "method not allowed on this path, only POST"};
    }
    name.remove_suffix(kSuffix.size());
    return name.substr(1);
}

Acceptor::Acceptor() : impl_(std::make_unique<Impl>()) {}

Acceptor::~Acceptor() = default;
Acceptor::Acceptor(Acceptor&&) noexcept = default;
Acceptor& Acceptor::operator=(Acceptor&&) noexcept = default;

std::variant<Event, Refusal> Acceptor::accept(const Request& request,
                                              const Acceptance& acceptance) {
    if (request.body.size() > kRequestBytesMax) {
        return Refusal{413, "too_large", "request body cannot be larger than 1 MiB"};
    }
    Impl& in = *impl_;
    in.key.begin(request.key);
    in.name.begin(request.name);
    const std::size_t query = path_of(request.target).size() + 1;
    if (query < request.target.size()) {
        if (auto refusal = in.read_query(request.target.substr(query))) return std::move(*refusal);
    }
    for (const Label* label : {&in.key, &in.name}) {
        if (auto refusal = label->fault()) return std::move(*refusal);
    }
    in.make_target(acceptance.destination);
    in.person.clear();
    if (in.key.is_given()) in.person.append("key:").append(in.key.text());
    Event event;
    event.id = acceptance.id;
    event.accepted_at = acceptance.now;
    event.operation = acceptance.operation;
    event.method = Method::post;
    event.peer = acceptance.peer;
    event.destination = acceptance.destination;
    event.person = in.person;
    event.name = in.name.text();
    event.target = in.target;
    event.body = request.body;
    // What has no key waits for nothing: it has a lane of its own.
    event.lane = event.person.empty() ? lane_of(event.destination, event.id.text())
                                      : lane_of(event.destination, event.person);
    return event;
}

}  // namespace holdfast::http
