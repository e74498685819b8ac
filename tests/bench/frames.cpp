#include "tests/bench/frames.hpp"

#include "agent/client/holdfast/client.hpp"
#include "tests/bench/payload.hpp"

#include <string>

namespace holdfast::bench {
namespace {

constexpr std::uint32_t kPersons = 1'000'000;
constexpr std::string_view kFirst = "/api/v1/customers/bench-000000/events";
constexpr std::size_t kIdEnd = kFirst.find("/events");

}  // namespace

void Frames::append_requests(std::size_t count, std::string& out) {
    client::Encoder frame(out);
    for (std::size_t i = 0; i < count; ++i) {
        std::string target(kFirst);
        std::size_t digit = kIdEnd;
        for (std::uint32_t rest = person_; rest != 0; rest /= 10) {
            target[--digit] = static_cast<char>('0' + rest % 10);
        }
        frame.add({.target = target, .body = payloads()[person_ % payloads().size()]});
        person_ = (person_ + 1) % kPersons;
    }
    frame.end();
}

Reply Frames::parse(std::string_view in) const {
    using Status = client::AnswerFrame::Status;
    client::AnswerFrame frame = client::read_answers(in);
    if (frame.status == Status::incomplete) return {};
    if (frame.status == Status::malformed) return {Reply::Kind::malformed, 0};
    Reply reply{Reply::Kind::ok, frame.size, 0};
    if (frame.status == Status::refusal) reply.kind = Reply::Kind::refused;
    while (!frame.answers.empty()) {
        const auto answer = client::take_answer(frame.answers);
        if (!answer) return {Reply::Kind::malformed, 0};
        ++reply.count;
        if (!*answer) reply.kind = Reply::Kind::refused;
    }
    return reply;
}

}  // namespace holdfast::bench
