#include "agent/client/holdfast/client.hpp"
#include "proto/frame.hpp"

#include <nlohmann/json.hpp>

#include <limits>

namespace holdfast::client {
namespace {

static_assert(static_cast<int>(Method::post) == static_cast<int>(holdfast::Method::post));
static_assert(static_cast<int>(Method::put) == static_cast<int>(holdfast::Method::put));
static_assert(static_cast<int>(Method::del) == static_cast<int>(holdfast::Method::del));

constexpr unsigned kStored = 200;
constexpr std::size_t kNameBytesMax = std::numeric_limits<std::uint8_t>::max();
constexpr std::size_t kTargetBytesMax = std::numeric_limits<std::uint16_t>::max();

std::size_t size_of(const Event& event) {
    return frame::kEventBytes + event.destination.size() + event.key.size() + event.target.size() +
           event.body.size();
}

Error invalid(const std::string& message) {
    return {Errc::invalid, 0, "", message};
}

// Empty when there is no such text.
std::string text_at(const nlohmann::json& document, const char* key) {
    const auto found = document.find(key);
    return found != document.end() && found->is_string() ? found->get<std::string>() : "";
}

// Only what says so is taken for not stored.
Errc meaning(unsigned status, const std::string& reason) {
    if (status >= 400 && status < 500) return Errc::refused;
    const bool says_why = !reason.empty() && reason != "unknown";
    if (status == 507 || (status == 503 && says_why)) return Errc::try_later;
    return Errc::in_doubt;
}

Error error_of(const frame::Answer& answer) {
    Error error;
    error.status = answer.status;
    const auto document = nlohmann::json::parse(answer.body, nullptr, false);
    if (document.is_object()) {
        error.reason = text_at(document, "code");
        error.message = text_at(document, "message");
    }
    error.code = meaning(answer.status, error.reason);
    if (error.message.empty()) error.message = "status " + std::to_string(answer.status);
    return error;
}

Receipt receipt_of(const frame::Answer& answer) {
    Receipt receipt;
    receipt.seq = answer.seq.value;
    receipt.id.bytes = answer.id.bytes;
    receipt.accepted_at = answer.accepted_at;
    receipt.durability = Durability{static_cast<std::uint8_t>(answer.durability)};
    receipt.is_repeat = answer.is_repeat;
    return receipt;
}

}  // namespace

std::string Id::text() const {
    return Ulid{bytes}.text();
}

std::string_view to_string(Errc code) {
    switch (code) {
        case Errc::invalid:
            return "invalid";
        case Errc::refused:
            return "refused";
        case Errc::try_later:
            return "try_later";
        case Errc::unreachable:
            return "unreachable";
        case Errc::in_doubt:
            return "in_doubt";
    }
    return "unknown";
}

std::string_view to_string(Durability durability) {
    return durability == Durability::synced ? "fsync" : "buffered";
}

std::optional<Error> check(const Event& event) {
    if (!is_known(holdfast::Method{static_cast<std::uint8_t>(event.method)})) {
        return invalid("the method is not known");
    }
    if (event.target.size() > kTargetBytesMax) return invalid("the target is over 65535 bytes");
    if (event.destination.size() > kNameBytesMax) {
        return invalid("the destination's name is over 255 bytes");
    }
    if (event.key.size() > frame::kKeyBytesMax) return invalid("the key is over 255 bytes");
    if (event.body.size() > frame::kPayloadBytesMax || size_of(event) > frame::kPayloadBytesMax) {
        return invalid("the event is over 5 MiB");
    }
    return std::nullopt;
}

Encoder::Encoder(std::string& out) : out_(&out), begin_(out.size()) {
    const frame::Writer begun(out, frame::Type::events);
}

bool Encoder::has_room_for(const Event& event) const {
    const std::size_t used = out_->size() - begin_ - frame::kHeaderBytes;
    return size_of(event) <= frame::kPayloadBytesMax - used;
}

void Encoder::add(const Event& event) {
    const frame::Event out{
        .method = holdfast::Method{static_cast<std::uint8_t>(event.method)},
        .destination = event.destination,
        .key = event.key,
        .target = event.target,
        .body = event.body,
    };
    frame::Writer::go_on(*out_, begin_).add(out);
}

void Encoder::end() {
    frame::Writer::go_on(*out_, begin_).end();
}

AnswerFrame read_answers(std::string_view received) {
    AnswerFrame out;
    if (received.size() < frame::kHeaderBytes) return out;
    const auto header = frame::read_header(received);
    out.status = AnswerFrame::Status::malformed;
    if (!header || header->type == frame::Type::events) return out;
    const std::size_t size = frame::kHeaderBytes + header->payload_bytes;
    if (received.size() < size) {
        out.status = AnswerFrame::Status::incomplete;
        return out;
    }
    if (!frame::matches_checksum(*header, received.substr(0, size))) return out;
    const bool is_refusal = header->type == frame::Type::refusal;
    out.status = is_refusal ? AnswerFrame::Status::refusal : AnswerFrame::Status::complete;
    out.size = size;
    out.answers = received.substr(frame::kHeaderBytes, header->payload_bytes);
    return out;
}

std::optional<Result<Receipt>> take_answer(std::string_view& answers) {
    const auto answer = frame::take_answer(answers);
    if (!answer) return std::nullopt;
    if (answer->status != kStored) return error_of(*answer);
    if (answer->durability == frame::Durability::none) return std::nullopt;
    // In place: an Error, which it might be, is dear to move.
    return std::optional<Result<Receipt>>(std::in_place, receipt_of(*answer));
}

}  // namespace holdfast::client
