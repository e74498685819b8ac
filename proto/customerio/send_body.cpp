#include "proto/customerio/body.hpp"
#include "proto/customerio/limits.hpp"

#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string_view message) {
    return {400, "invalid_send", std::string(message)};
}

Refusal too_large(std::string_view message) {
    return {413, "too_large", std::string(message)};
}

bool has_text(const Field& field) {
    return field.is_string() && !trimmed(field.string()).empty();
}

std::optional<Refusal> check_identifiers(const Field& identifiers, std::string& person) {
    const std::optional<std::string> fault = read_person(identifiers, person);
    return fault ? std::optional(refuse(*fault)) : std::nullopt;
}

std::optional<Refusal> check_message_id(const Field& message_id, std::string& message_id_text) {
    if (message_id.given() && !append_scalar(message_id.value, message_id_text)) {
        return refuse("transactional_message_id must be a string or a number");
    }
    if (message_id_text.size() > kAttributeValueBytesMax) {
        return refuse("transactional_message_id cannot be longer than 1000 bytes");
    }
    return std::nullopt;
}

// Addresses between commas; a comma within quotes belongs to a name.
std::size_t count_recipients(std::string_view addresses) {
    std::size_t count = 0;
    bool quoted = false;
    bool blank = true;
    for (std::size_t i = 0; i < addresses.size(); ++i) {
        const char c = addresses[i];
        if (c == '"') quoted = !quoted;
        if (c == '\\' && quoted) ++i;
        if (c == ',' && !quoted) {
            count += blank ? 0U : 1U;
            blank = true;
        } else if (c != ' ' && c != '\t') {
            blank = false;
        }
    }
    return count + (blank ? 0U : 1U);
}

std::optional<Refusal> check_recipients(const Field& to, const Field& cc, const Field& bcc) {
    if (!has_text(to)) return refuse("to must be a string that is not blank");
    std::size_t count = 0;
    for (const Field* field : {&to, &cc, &bcc}) {
        if (!field->given()) continue;
        if (!field->is_string()) return refuse("cc and bcc must be strings");
        count += count_recipients(field->string());
    }
    if (count > kSendRecipientCountMax) {
        return refuse("cannot send to more than 15 recipients in one request");
    }
    return std::nullopt;
}

// Sizes of base64 are taken as if all of it were data: at most two bytes a file too many.
std::optional<Refusal> check_sizes(const Field& attachments, std::string_view json) {
    constexpr std::string_view kNotFiles = "attachments must be an object of base64 strings";
    simdjson::dom::object files;
    simdjson::dom::array none;
    std::size_t base64_size = 0;
    if (attachments.given() && attachments.value.get(files) == simdjson::SUCCESS) {
        for (const auto [name, content] : files) {
            if (!content.is_string()) return refuse(kNotFiles);
            base64_size += content.get_string().value_unsafe().size();
        }
    } else if (attachments.given() &&
               (attachments.value.get(none) != simdjson::SUCCESS || none.size() != 0)) {
        return refuse(kNotFiles);
    }
    if (base64_size / 4 * 3 > kSendAttachmentBytesMax) {
        return too_large("attachments cannot be larger than 2 MB together");
    }
    if (json.size() <= kSendBytesMax) return std::nullopt;
    const std::size_t attached =
        attachments.present ? value_text(json, attachments.index).size() : 0;
    if (json.size() - attached > kSendBytesMax) {
        return too_large("a send cannot be larger than 1 MB without its attachments");
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> check_send_email(simdjson::dom::object body,
                                        std::string_view json,
                                        Subject& out) {
    std::array<Field, 9> fields{{{"identifiers"},
                                 {"to"},
                                 {"cc"},
                                 {"bcc"},
                                 {"transactional_message_id"},
                                 {"body"},
                                 {"subject"},
                                 {"from"},
                                 {"attachments"}}};
    const auto& [identifiers, to, cc, bcc, message, content, subject, from, attachments] = fields;
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    const bool has_own_content = has_text(content) && has_text(subject) && has_text(from);
    if (auto refusal = check_identifiers(identifiers, out.person)) return refusal;
    if (auto refusal = check_recipients(to, cc, bcc)) return refusal;
    if (auto refusal = check_message_id(message, out.name)) return refusal;
    if (out.name.empty() && !has_own_content) {
        return refuse("either transactional_message_id or body, subject and from must be present");
    }
    return check_sizes(attachments, json);
}

std::optional<Refusal> check_send(simdjson::dom::object body, std::string_view json, Subject& out) {
    std::array<Field, 2> fields{{{"identifiers"}, {"transactional_message_id"}}};
    const auto& [identifiers, message] = fields;
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    if (auto refusal = check_identifiers(identifiers, out.person)) return refusal;
    if (auto refusal = check_message_id(message, out.name)) return refusal;
    if (out.name.empty()) return refuse("transactional_message_id must be present");
    return check_sizes(Field{}, json);
}

}  // namespace holdfast::customerio
