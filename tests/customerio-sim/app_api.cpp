// App API: transactional sends and broadcast triggers. The vendor has no idempotency here, so each
// send is a new delivery.
#include "proto/customerio/limits.hpp"
#include "tests/customerio-sim/checks.hpp"
#include "tests/customerio-sim/handlers.hpp"
#include "tests/customerio-sim/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace holdfast::customerio_sim {
namespace {

bool is_present(const Json& body, const char* key) {
    const auto it = body.find(key);
    if (it == body.end() || it->is_null()) return false;
    return !it->is_string() || !it->get_ref<const std::string&>().empty();
}

std::size_t recipient_count(const Json& body) {
    std::size_t count = 0;
    for (const char* key : {"to", "cc", "bcc"}) {
        const std::string list = string_field(body, key);
        for (const std::string_view one : split(list, ',')) {
            if (!trim(one).empty()) ++count;
        }
    }
    return count;
}

std::size_t attachment_bytes(const Json& body) {
    const Json attachments = body.value("attachments", Json());
    std::size_t encoded = 0;
    for (const Json& attachment : attachments) {
        if (attachment.is_string()) encoded += attachment.get_ref<const std::string&>().size();
    }
    return encoded / 4 * 3;
}

Refusal check_content(const Json& body) {
    if (!is_present(body, "to")) return "to is required";
    if (is_present(body, "transactional_message_id")) return std::nullopt;
    for (const char* key : {"body", "subject", "from"}) {
        if (is_present(body, key)) continue;
        return fmt::format("{} is required without transactional_message_id", key);
    }
    return std::nullopt;
}

bool read_person(const Visit& visit, const Json& body) {
    const std::optional<Identity> person = read_identity(body.value("identifiers", Json()));
    if (person) {
        visit.call().person = *person;
    } else {
        visit.refuse("identifiers must contain exactly one of id, email or cio_id");
    }
    return person.has_value();
}

void accept_send(const Visit& visit, Json&& body) {
    const std::size_t attached = attachment_bytes(body);
    const std::size_t other =
        visit.request.body.size() - std::min(visit.request.body.size(), attached / 3 * 4);
    if (attached > customerio::kSendAttachmentBytesMax || other > customerio::kSendBytesMax) {
        visit.refuse("request is too large");
        visit.decision.answer.status = 413;
        return;
    }
    const std::string delivery_id = fmt::format("sim{:013}", visit.around.request_number);
    const Json answer = {{"delivery_id", delivery_id}, {"queued_at", visit.around.now_unix_s}};
    visit.decision.answer = json_answer(200, answer);
    body["delivery_id"] = delivery_id;
    body["queued_at"] = visit.around.now_unix_s;
    visit.call().payload = std::move(body);
    visit.call().accepted = true;
}

using TriggerRefusal = std::optional<std::pair<unsigned, std::string>>;

// At most one form of audience, of at most so many rows.
TriggerRefusal check_trigger(const Json& body) {
    const Json data = body.value("data", Json());
    if (!data.is_null() && !data.is_object() && !data.empty()) return {{400, "data is invalid"}};
    if (dump(data).size() > customerio::kTriggerDataBytesMax) return {{400, "data is too large"}};
    std::size_t audiences = 0;
    for (const char* key : {"recipients", "ids", "emails", "per_user_data", "data_file_url"}) {
        const Json audience = body.value(key, Json());
        if (audience.is_null()) continue;
        ++audiences;
        if (audience.is_array() && audience.size() > customerio::kTriggerRowCountMax) {
            return {{400, fmt::format("{} has too many entries", key)}};
        }
        if (audience.is_object() && audience.empty()) {
            return {{422, fmt::format("{} cannot be empty", key)}};
        }
    }
    if (audiences > 1) return {{400, "only one form of recipients is allowed"}};
    return std::nullopt;
}

}  // namespace

std::optional<Identity> read_identity(const Json& identifiers) {
    if (!identifiers.is_object() || identifiers.size() != 1) return std::nullopt;
    const std::string name = identifiers.begin().key();
    const Json& value = identifiers.begin().value();
    if (name == "id" && value.is_number_integer()) return Identity{Identity::Kind::id, dump(value)};
    if (!value.is_string() || value.get_ref<const std::string&>().empty()) return std::nullopt;
    const auto& text = value.get_ref<const std::string&>();
    if (name == "id") return Identity{Identity::Kind::id, text};
    if (name == "email") return Identity{Identity::Kind::email, lower(text)};
    if (name != "cio_id") return std::nullopt;
    return text.starts_with("cio_") ? Identity::from_path(text)
                                    : Identity{Identity::Kind::cio_id, text};
}

void handle_send_email(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (!body || !read_person(visit, *body)) return;
    if (const Refusal refusal = check_content(*body)) {
        visit.refuse(*refusal);
        return;
    }
    if (recipient_count(*body) > customerio::kSendRecipientCountMax) {
        visit.refuse("a message cannot have more than 15 recipients");
        return;
    }
    accept_send(visit, std::move(*body));
}

void handle_send(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (!body || !read_person(visit, *body)) return;
    if (!is_present(*body, "transactional_message_id")) {
        visit.refuse("transactional_message_id is required");
        return;
    }
    accept_send(visit, std::move(*body));
}

void handle_trigger(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (!body) return;
    if (const TriggerRefusal refusal = check_trigger(*body)) {
        const auto& [status, text] = *refusal;
        const Json error = {{"detail", text}, {"status", std::to_string(status)}};
        visit.decision.answer = json_answer(status, Json{{"errors", Json::array({error})}});
        visit.call().refusal = text;
        return;
    }
    visit.decision.answer = json_answer(200, Json{{"id", visit.around.request_number}});
    (*body)["broadcast"] = visit.captures.front();
    visit.call().payload = std::move(*body);
    visit.call().accepted = true;
}

}  // namespace holdfast::customerio_sim
