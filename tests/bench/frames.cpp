#include "tests/bench/frames.hpp"

#include "agent/client/holdfast/client.hpp"

namespace holdfast::bench {
void Frames::append_requests(std::size_t count, std::string& out) {
    client::Encoder frame(out);
    for (std::size_t i = 0; i < count; ++i) frame.add(calls_.next());
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
