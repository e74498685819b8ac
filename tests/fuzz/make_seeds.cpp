// Writes the seeds that are not text: fuzz_make_seeds tests/fuzz/corpus. To be run again when one
// of the formats changes.
#include "proto/bytes.hpp"
#include "proto/frame.hpp"
#include "proto/record.hpp"
#include "wal/cursor.hpp"
#include "wal/log_sectors.hpp"
#include "wal/state.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>

// Exported by librocksdb, without a header.
namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t init_crc, const char* data, std::size_t n);
}

namespace holdfast {
namespace {

class Folder {
public:
    explicit Folder(std::filesystem::path path) : path_(std::move(path)) {
        std::filesystem::create_directories(path_);
    }

    void write(const std::string& name, std::string_view bytes) const {
        std::ofstream(path_ / name, std::ios::binary) << bytes;
    }

    // As it is, cut short, and as a later version might write it.
    void write_with_damage(const std::string& name, const std::string& bytes) const {
        write(name, bytes);
        write(name + "-cut", std::string_view(bytes).substr(0, bytes.size() / 2));
        write(name + "-longer", bytes + '\0');
        std::string newer = bytes;
        newer[0] = 99;
        write(name + "-newer", newer);
    }

private:
    std::filesystem::path path_;
};

struct Call {
    Operation operation;
    Method method;
    std::string_view person;
    std::string_view name;
    std::string_view target;
    std::string_view body;
};

constexpr std::string_view kMessage = R"({"transactional_message_id":3,"identifiers":{"id":"42"}})";

// What each operation leaves in the log.
constexpr Call kCalls[] = {
    {Operation::identify, Method::put, "id:42", "", "/api/v1/customers/42", "{}"},
    {Operation::event,
     Method::post,
     "email:a@b.c",
     "purchase",
     "/api/v1/customers/a%40b.c/events",
     R"({"id":"01JGJQ4B8E0000000000000000","timestamp":1767323045,"name":"purchase"})"},
    {Operation::anonymous_event,
     Method::post,
     "anonymous:x",
     "seen",
     "/api/v1/events",
     R"({"anonymous_id":"x","name":"seen"})"},
    {Operation::delete_person, Method::del, "cio_id:0100", "", "/api/v1/customers/cio_0100", ""},
    {Operation::suppress, Method::post, "id:42", "", "/api/v1/customers/42/suppress", ""},
    {Operation::unsuppress, Method::post, "id:42", "", "/api/v1/customers/42/unsuppress", ""},
    {Operation::send_email,
     Method::post,
     "id:42",
     "3",
     "/v1/send/email",
     R"({"to":"a@b.c","transactional_message_id":3,"identifiers":{"id":"42"}})"},
    {Operation::add_device,
     Method::put,
     "id:42",
     "",
     "/api/v1/customers/42/devices",
     R"({"device":{"id":"t","platform":"ios"}})"},
    {Operation::delete_device, Method::del, "id:42", "", "/api/v1/customers/42/devices/t", ""},
    {Operation::merge,
     Method::post,
     "id:42",
     "",
     "/api/v1/merge_customers",
     R"({"primary":{"id":"42"},"secondary":{"id":"43"}})"},
    {Operation::add_to_segment,
     Method::post,
     "segment:7",
     "",
     "/api/v1/segments/7/add_customers?id_type=email",
     R"({"ids":["a@b.c"]})"},
    {Operation::remove_from_segment,
     Method::post,
     "segment:7",
     "",
     "/api/v1/segments/7/remove_customers",
     R"({"ids":["42"]})"},
    {Operation::submit_form,
     Method::post,
     "id:42",
     "f",
     "/api/v1/forms/f/submit",
     R"({"data":{"id":"42"}})"},
    {Operation::report_metric,
     Method::post,
     "delivery:d",
     "opened",
     "/api/v1/metrics",
     R"({"delivery_id":"d","metric":"opened"})"},
    {Operation::report_push_event,
     Method::post,
     "delivery:d",
     "opened",
     "/api/v1/push/events",
     R"({"delivery_id":"d","event":"opened"})"},
    {Operation::unsubscribe, Method::post, "delivery:d", "", "/unsubscribe/d", "{}"},
    {Operation::send_push, Method::post, "id:42", "3", "/v1/send/push", kMessage},
    {Operation::send_sms, Method::post, "id:42", "3", "/v1/send/sms", kMessage},
    {Operation::send_whatsapp, Method::post, "id:42", "3", "/v1/send/whatsapp", kMessage},
    {Operation::send_in_app, Method::post, "id:42", "3", "/v1/send/in_app", kMessage},
    {Operation::send_inbox_message, Method::post, "id:42", "3", "/v1/send/inbox_message", kMessage},
    {Operation::trigger_broadcast,
     Method::post,
     "broadcast:3",
     "",
     "/v1/campaigns/3/triggers",
     R"({"ids":["42"]})"},
};

Event event_of(const Call& call) {
    return {.id = *Ulid::parse("01JGJQ4B8E0000000000000000"),
            .accepted_at = wall_from_ms(1'767'323'045'678),
            .operation = call.operation,
            .method = call.method,
            .lane = lane_of("customerio", call.person),
            .also = {},
            .peer = {.uid = 1000, .gid = 1000, .pid = 4242},
            .parent = {},
            .destination = "customerio",
            .person = call.person,
            .name = call.name,
            .target = call.target,
            .body = call.body};
}

std::string encoded(const Event& event) {
    std::string record;
    encode_record(event, record);
    return record;
}

void write_records(const Folder& folder) {
    constexpr std::size_t kChecksumBytes = 4;  // the target adds its own
    std::string record;
    for (const Call& call : kCalls) {
        const std::string name(info(call.operation).name);
        Event event = event_of(call);
        if (call.operation == Operation::merge) {
            event.also.push_back(lane_of(event.destination, "id:43"));
        }
        record = encoded(event);
        folder.write(name + "-whole", record);
        folder.write(name, std::string_view(record).substr(0, record.size() - kChecksumBytes));
    }
    folder.write("empty", "");
    folder.write("zeros", std::string(64, '\0'));
    Event replayed = event_of(kCalls[1]);
    replayed.parent = Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    record = encoded(replayed);
    record.resize(record.size() - kChecksumBytes);
    folder.write_with_damage("replayed", record);
    std::string odd = record;
    odd[3] = 4;
    folder.write("odd-flags", odd);
    odd = record;
    constexpr std::size_t kAcceptedAt = 20;
    folder.write("endless-number", odd.insert(kAcceptedAt, 10, '\xff'));

    // A destination of 65 bytes: more than one may have.
    const std::string longest(kDestinationBytesMax, 'd');
    replayed.destination = longest;
    record = encoded(replayed);
    record.resize(record.size() - kChecksumBytes);
    const std::size_t texts = record.find(longest);
    ++record[texts - sizeof(Ulid) - 5];  // one byte for the size of each of the five texts
    folder.write("too-long-destination", record.insert(texts, "d"));
}

void write_states(const Folder& folder) {
    wal::Retry retry{.attempts = 3,
                     .first_attempt_at = wall_from_ms(1'767'323'045'678),
                     .next_attempt_at = wall_from_ms(1'767'323'105'678),
                     .status = 503,
                     .intended = false,
                     .reason = "503 Service Unavailable"};
    folder.write_with_damage("retry", encode(retry));
    retry.intended = true;
    folder.write("intended", encode(retry));
    folder.write("empty-retry", encode(wal::Retry()));
    const wal::Failure failure{.attempts = 1,
                               .failed_at = wall_from_ms(1'767'323'045'678),
                               .status = 400,
                               .reason = "400 Bad Request",
                               .answer = R"({"meta":{"error":"event name must not be blank"}})"};
    folder.write_with_damage("failure", encode(failure));
    folder.write("empty-failure", encode(wal::Failure()));
    folder.write("empty", "");
}

void write_cursors(const Folder& folder) {
    wal::Cursor cursor;
    folder.write("new", cursor.encode());
    cursor.counts = {.pending = 4, .complete = 5, .failed = 1};
    cursor.counted_to = {10};
    for (std::uint64_t seq = 1; seq <= 10; ++seq) cursor.take({seq});
    folder.write("all-outstanding", cursor.encode());
    for (const std::uint64_t seq : {2U, 3U, 5U, 8U, 9U}) cursor.settle({seq});
    const std::string some = cursor.encode();
    folder.write_with_damage("some-settled", some);
    for (const std::uint64_t seq : {1U, 4U, 6U, 7U, 10U}) cursor.settle({seq});
    folder.write_with_damage("all-settled", cursor.encode());
    std::string twice = some;
    twice.replace(twice.size() - 8, 8, twice, twice.size() - 16, 8);
    folder.write("listed-twice", twice);
    std::string many = some;
    many.replace(41, 8, 8, '\xff');
    folder.write("endless-list", many);
    folder.write("empty", "");
}

void write_frames(const Folder& folder) {
    const frame::Event event{.method = Method::put,
                             .destination = "crm",
                             .key = "order-17",
                             .target = "/api/v1/customers/5",
                             .body = R"({"plan":"basic"})"};
    std::string one;
    frame::Writer writer(one, frame::Type::events);
    writer.add(event);
    writer.end();
    folder.write_with_damage("one", one);
    std::string many;
    frame::Writer more(many, frame::Type::events);
    for (int i = 0; i < 3; ++i) more.add(event);
    more.end();
    folder.write("two-frames", many + one);
    std::string answers;
    frame::Writer answering(answers, frame::Type::answers);
    answering.add(frame::Answer{.seq = Seq{7}});
    answering.add(frame::Answer{.status = 400, .body = "{}"});
    answering.end();
    folder.write_with_damage("answers", answers);
}

// As RocksDB writes them: the checksum, the length and the type before each part.
std::string log_record(std::uint8_t type, std::string_view payload) {
    const std::string summed = std::string(1, static_cast<char>(type)).append(payload);
    const std::uint32_t crc = rocksdb::crc32c::Extend(0, summed.data(), summed.size());
    std::string record;
    put_le(record, ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U);
    put_le(record, static_cast<std::uint16_t>(payload.size()));
    return record + summed;
}

void write_logs(const Folder& folder) {
    constexpr std::size_t kBlock = 32'768;
    const std::string one = log_record(1, "a batch");
    const std::string split = log_record(2, std::string(kBlock - 7, 'x')) +
                              log_record(3, std::string(kBlock - 7, 'y')) + log_record(4, "z");
    folder.write("batches", one + one + one);
    folder.write("split", split);
    folder.write("reserved", one + std::string(100, '\0'));
    folder.write("cut", (one + one).substr(0, one.size() + 5));
    std::string rot = one + one;
    rot[8] = 'A';
    folder.write("rot", rot);
    rot = one + one;
    rot[5] = 1;
    folder.write("rot-in-length", rot);
    folder.write("without-beginning", log_record(4, "z") + one);
    folder.write("without-end", log_record(2, "x") + one);
    folder.write("empty", "");
}

void write_sectors(const Folder& folder) {
    const auto sectors = [](std::string_view bytes, std::uint32_t log, std::uint32_t place) {
        std::string file(wal::sectors_of(bytes.size()) * wal::kSectorBytes, '\0');
        wal::put_sectors(bytes, log, place, file.data());
        return file;
    };
    const std::string text(1200, 't');
    const std::string own = sectors(text, 12, 0);
    const std::string earlier = sectors(std::string(3000, 'e'), 11, 0);
    folder.write("own", own + sectors("more", 12, 1200));
    folder.write("reserved", own + std::string(600, '\0'));
    folder.write("earlier", own + earlier.substr(own.size()));
    folder.write("gap", own.substr(0, 512) + earlier.substr(512, 512) + own.substr(1024));
    folder.write("cut", own.substr(0, 700));
    folder.write("far-off", own + sectors("far off", 12, 4'000'000'000));
    folder.write("none", log_record(1, "of an older version"));
}

}  // namespace
}  // namespace holdfast

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: fuzz_make_seeds FOLDER\n");
        return 2;
    }
    const std::filesystem::path corpus = argv[1];
    holdfast::write_records(holdfast::Folder(corpus / "record"));
    holdfast::write_frames(holdfast::Folder(corpus / "frame"));
    holdfast::write_states(holdfast::Folder(corpus / "wal_state"));
    holdfast::write_cursors(holdfast::Folder(corpus / "wal_cursor"));
    holdfast::write_logs(holdfast::Folder(corpus / "wal_prescan"));
    holdfast::write_sectors(holdfast::Folder(corpus / "wal_log_sectors"));
    return 0;
}
