// Whatever decodes as a record encodes to the same bytes. The input is tried as it is, and with the
// checksum that mutations of it would never get right.
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
    std::string again;
    encode_record(*event, again);
    HOLDFAST_ASSERT(again == record);
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
