// Whatever decodes as a record encodes to bytes that decode to the same. The input is tried as it
// is, and with the checksum that mutations of it would never get right.
#include "proto/record.hpp"

#include "proto/assert.hpp"
#include "proto/bytes.hpp"
#include "tests/fuzz/target.hpp"

#include <xxhash.h>

namespace holdfast {
namespace {

void check(std::string_view record) {
    const Result<Event> event = decode_record(record);
    if (!event) return;
    std::string encoded;
    encode_record(*event, encoded);
    const Result<Event> decoded = decode_record(encoded);
    HOLDFAST_ASSERT(decoded);
    std::string again;
    encode_record(*decoded, again);
    HOLDFAST_ASSERT(again == encoded && decoded->body == event->body);
}

}  // namespace
}  // namespace holdfast

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    std::string record(fuzz::text(data, size));
    check(record);
    put_le(record, static_cast<std::uint32_t>(XXH3_64bits(data, size)));
    check(record);
    return 0;
}
