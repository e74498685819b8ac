// Whatever decodes as a cursor encodes to the same bytes, and once all that it lists is settled,
// nothing holds back its low-water mark.
#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"
#include "wal/cursor.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    const std::string_view bytes = fuzz::text(data, size);
    Result<wal::Cursor> cursor = wal::Cursor::decode(bytes);
    if (!cursor) return 0;
    HOLDFAST_ASSERT(cursor->encode() == bytes);
    while (!cursor->outstanding().empty()) {
        const Seq first = *cursor->outstanding().begin();
        HOLDFAST_ASSERT(cursor->low_water() == first);
        HOLDFAST_ASSERT(cursor->settle(first));
    }
    HOLDFAST_ASSERT(cursor->low_water() == cursor->position());
    return 0;
}
