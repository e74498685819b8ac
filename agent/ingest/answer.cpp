#include "agent/ingest/answer.hpp"

#include <boost/beast/http/status.hpp>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <iterator>

namespace holdfast::agent {
namespace {

constexpr unsigned kContinue = 100;

// What the clients read of the answer to a call.
std::string body_of_receipt(const Answer& answer, std::string_view id) {
    switch (info(answer.operation).kind) {
        case Kind::sends:
            return fmt::format(
                R"({{"delivery_id":"{}","queued_at":{}}})", id, unix_seconds(answer.accepted_at));
        case Kind::broadcasts:
            return fmt::format(R"({{"id":{}}})", answer.seq.value);
        case Kind::requests:
            return fmt::format(R"({{"id":"{}","seq":{}}})", id, answer.seq.value);
        default:
            return "{}";
    }
}

// The vendor answers a form without a body.
constexpr std::string_view kNoContent = "HTTP/1.1 204 No Content\r\n";

void append_receipt(const Answer& answer, std::string& out) {
    std::array<char, Ulid::kTextSize> text{};
    answer.id.write_text(text.data());
    const std::string_view id(text.data(), text.size());
    const bool has_body = answer.operation != Operation::submit_form;
    const std::string body = has_body ? body_of_receipt(answer, id) : std::string();
    if (has_body) {
        fmt::format_to(std::back_inserter(out),
                       FMT_COMPILE("HTTP/1.1 200 OK\r\n"
                                   "Content-Type: application/json; charset=utf-8\r\n"
                                   "Content-Length: {}\r\n"),
                       body.size() + 1);
    } else {
        out.append(kNoContent);
    }
    fmt::format_to(std::back_inserter(out),
                   FMT_COMPILE("X-Holdfast-Id: {}\r\n"
                               "X-Holdfast-Seq: {}\r\n"
                               "X-Holdfast-Durability: {}\r\n"
                               "{}{}\r\n{}{}"),
                   id,
                   answer.seq.value,
                   to_string(answer.durability),
                   std::string_view(answer.is_repeat ? "Idempotent-Replayed: true\r\n" : ""),
                   std::string_view(answer.close ? "Connection: close\r\n" : ""),
                   body,
                   std::string_view(has_body ? "\n" : ""));
}

}  // namespace

Answer refusal(const customerio::Refusal& refusal, bool close) {
    Answer answer;
    answer.status = refusal.status;
    answer.close = close;
    answer.body = refusal.body();
    return answer;
}

Answer failure(const Error& error, bool in_doubt, bool close) {
    const bool no_room =
        !in_doubt && (error.code == Errc::log_full || error.code == Errc::disk_full);
    const customerio::Refusal why{
        no_room ? 507U : 503U,
        in_doubt ? "unknown" : std::string(to_string(error.code)),
        in_doubt ? "the log failed while the event was written: it may be delivered or not; "
                   "send it again with the same key or id"
                 : "the event was not stored: " + error.detail};
    Answer answer = refusal(why, close);
    answer.may_pass_later = true;
    return answer;
}

Answer go_on() {
    Answer answer;
    answer.status = kContinue;
    return answer;
}

void append_http(const Answer& answer, std::string& out) {
    if (answer.status == 200) return append_receipt(answer, out);
    if (answer.status == kContinue) {
        out.append("HTTP/1.1 100 Continue\r\n\r\n");
        return;
    }
    const auto reason =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(answer.status));
    fmt::format_to(std::back_inserter(out),
                   "HTTP/1.1 {} {}\r\n"
                   "Content-Type: application/json; charset=utf-8\r\n"
                   "Content-Length: {}\r\n"
                   "{}{}\r\n{}",
                   answer.status,
                   std::string_view(reason.data(), reason.size()),
                   answer.body.size(),
                   answer.may_pass_later ? "Retry-After: 1\r\n" : "",
                   answer.close ? "Connection: close\r\n" : "",
                   answer.body);
}

frame::Answer as_frame_answer(const Answer& answer) {
    frame::Answer out;
    out.status = static_cast<std::uint16_t>(answer.status);
    if (answer.status == 200) {
        out.durability = answer.durability;
        out.is_repeat = answer.is_repeat;
        out.seq = answer.seq;
        out.id = answer.id;
        out.accepted_at = answer.accepted_at;
    } else {
        out.body = answer.body;
    }
    return out;
}

}  // namespace holdfast::agent
