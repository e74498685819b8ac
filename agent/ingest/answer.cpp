#include "agent/ingest/answer.hpp"

#include <boost/beast/http/status.hpp>
#include <fmt/compile.h>
#include <fmt/format.h>

#include <array>
#include <iterator>

namespace holdfast::agent {
namespace {

constexpr unsigned kContinue = 100;

void append_receipt(const Answer& answer, std::string& out) {
    std::array<char, Ulid::kTextSize> text{};
    answer.id.write_text(text.data());
    const std::string_view id(text.data(), text.size());
    std::string send_body;
    if (answer.operation == Operation::send_email) {
        send_body = fmt::format(
            R"({{"delivery_id":"{}","queued_at":{}}})", id, unix_seconds(answer.accepted_at));
    }
    const std::string_view body = send_body.empty() ? std::string_view("{}") : send_body;
    fmt::format_to(std::back_inserter(out),
                   FMT_COMPILE("HTTP/1.1 200 OK\r\n"
                               "Content-Type: application/json; charset=utf-8\r\n"
                               "Content-Length: {}\r\n"
                               "X-Holdfast-Id: {}\r\n"
                               "X-Holdfast-Seq: {}\r\n"
                               "X-Holdfast-Durability: {}\r\n"
                               "{}{}\r\n{}\n"),
                   body.size() + 1,
                   id,
                   answer.seq.value,
                   to_string(answer.durability),
                   std::string_view(answer.is_repeat ? "Idempotent-Replayed: true\r\n" : ""),
                   std::string_view(answer.close ? "Connection: close\r\n" : ""),
                   body);
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
