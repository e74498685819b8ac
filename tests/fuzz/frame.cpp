// Native frames: however the stream is cut into pieces, the same events come out of it; what is
// taken apart comes back from its own encoding.
#include "agent/ingest/frame_reader.hpp"
#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>
#include <functional>
#include <random>
#include <string>

namespace holdfast {
namespace {

// The events of a stream as one frame, and how it ended.
std::string read(std::string_view stream, const std::function<std::size_t()>& piece_size) {
    agent::FrameReader reader;
    std::string out;
    frame::Writer writer(out, frame::Type::events);
    std::string end;
    while (!stream.empty() && end.empty()) {
        const std::size_t size = std::min(piece_size(), stream.size());
        reader.feed(stream.substr(0, size));
        stream.remove_prefix(size);
        agent::FrameReader::Status status{};
        while ((status = reader.next()) == agent::FrameReader::Status::complete) {
            writer.add(reader.event());
        }
        if (status == agent::FrameReader::Status::refused) end = reader.error().detail;
    }
    if (end.empty()) end = reader.is_inside_frame() ? "inside" : "between";
    writer.end();
    return out + end;
}

void check_answer(std::string_view bytes) {
    const std::string_view all = bytes;
    const Result<frame::Answer> answer = frame::take_answer(bytes);
    if (!answer) return;
    std::string out;
    frame::Writer writer(out, frame::Type::answers);
    writer.add(*answer);
    HOLDFAST_ASSERT(out.substr(frame::kHeaderBytes) == all.substr(0, all.size() - bytes.size()));
}

}  // namespace
}  // namespace holdfast

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    const std::string_view stream = fuzz::text(data, size);
    const std::string whole = read(stream, [=] { return size; });
    HOLDFAST_ASSERT(whole == read(stream, [] { return 1; }));
    std::minstd_rand random(static_cast<unsigned>(std::hash<std::string_view>()(stream)));
    HOLDFAST_ASSERT(whole == read(stream, [&] { return 1 + random() % 32; }));
    if (size > frame::kHeaderBytes) check_answer(stream.substr(frame::kHeaderBytes));
    return 0;
}
