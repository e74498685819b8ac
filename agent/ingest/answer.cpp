#include "agent/ingest/answer.hpp"

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include <iterator>

namespace holdfast::agent {
namespace {

std::string render(unsigned status, std::string_view headers, std::string_view body, bool close) {
    const auto reason =
        boost::beast::http::obsolete_reason(boost::beast::http::int_to_status(status));
    return fmt::format(
        "HTTP/1.1 {} {}\r\n"
        "Content-Type: application/json; charset=utf-8\r\n"
        "Content-Length: {}\r\n"
        "{}{}\r\n{}",
        status,
        std::string_view(reason.data(), reason.size()),
        body.size(),
        headers,
        close ? "Connection: close\r\n" : "",
        body);
}

}  // namespace

std::string receipt(const wal::Placed& placed, Operation operation, bool close) {
    const std::string text = placed.id.text();
    const std::string headers =
        fmt::format("X-Holdfast-Id: {}\r\nX-Holdfast-Seq: {}\r\n{}",
                    text,
                    placed.seq.value,
                    placed.is_repeat ? "Idempotent-Replayed: true\r\n" : "");
    if (operation != Operation::send_email) return render(200, headers, "{}\n", close);
    const std::string body = fmt::format(
        "{{\"delivery_id\":\"{}\",\"queued_at\":{}}}\n", text, unix_seconds(placed.accepted_at));
    return render(200, headers, body, close);
}

std::string refusal(const customerio::Refusal& refusal, bool close) {
    return render(refusal.status, "", refusal.body(), close);
}

std::string failure(const Error& error, bool in_doubt, bool close) {
    const bool no_room =
        !in_doubt && (error.code == Errc::log_full || error.code == Errc::disk_full);
    const unsigned status = no_room ? 507 : 503;
    const customerio::Refusal why{
        status,
        in_doubt ? "unknown" : std::string(to_string(error.code)),
        in_doubt ? "the log failed while the event was written: it may be delivered or not; "
                   "send it again with the same id"
                 : "the event was not stored: " + error.detail};
    return render(status, "Retry-After: 1\r\n", why.body(), close);
}

}  // namespace holdfast::agent
