#include "tests/bench/frames.hpp"

#include "proto/frame.hpp"
#include "tests/bench/payload.hpp"

#include <string>

namespace holdfast::bench {
namespace {

constexpr std::uint32_t kPersons = 1'000'000;
constexpr std::string_view kFirst = "/api/v1/customers/bench-000000/events";
constexpr std::size_t kIdEnd = kFirst.find("/events");

}  // namespace

void Frames::append_requests(std::size_t count, std::string& out) {
    frame::Writer frame(out, frame::Type::events);
    for (std::size_t i = 0; i < count; ++i) {
        std::string target(kFirst);
        std::size_t digit = kIdEnd;
        for (std::uint32_t rest = person_; rest != 0; rest /= 10) {
            target[--digit] = static_cast<char>('0' + rest % 10);
        }
        frame.add(frame::Event{.method = Method::post,
                               .target = target,
                               .body = payloads()[person_ % payloads().size()]});
        person_ = (person_ + 1) % kPersons;
    }
    frame.end();
}

Reply Frames::parse(std::string_view in) const {
    if (in.size() < frame::kHeaderBytes) return {};
    const Result<frame::Header> header = frame::read_header(in);
    if (!header) return {Reply::Kind::malformed, 0};
    const std::size_t size = frame::kHeaderBytes + header->payload_bytes;
    if (in.size() < size) return {};
    if (!frame::matches_checksum(*header, in.substr(0, size))) return {Reply::Kind::malformed, 0};
    std::string_view payload = in.substr(frame::kHeaderBytes, header->payload_bytes);
    Reply reply{Reply::Kind::ok, size, 0};
    if (header->type != frame::Type::answers) reply.kind = Reply::Kind::refused;
    while (!payload.empty()) {
        const Result<frame::Answer> answer = frame::take_answer(payload);
        if (!answer) return {Reply::Kind::malformed, 0};
        ++reply.count;
        if (answer->status != 200) reply.kind = Reply::Kind::refused;
    }
    return reply;
}

}  // namespace holdfast::bench
