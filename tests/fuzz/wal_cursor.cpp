// Whatever decodes as a cursor encodes to the same bytes (one of version 1 to those of version 2,
// which are more), and once all that it lists is settled,
// nothing holds back its low-water mark.
#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"
#include "wal/cursor.hpp"

#include <string>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    const std::string_view bytes = fuzz::text(data, size);
    Result<wal::Cursor> cursor = wal::Cursor::decode(bytes);
    if (!cursor) return 0;
    const std::string again = cursor->encode();
    HOLDFAST_ASSERT(again == bytes || again.size() > bytes.size());
    const Result<wal::Cursor> twice = wal::Cursor::decode(again);
    HOLDFAST_ASSERT(twice && twice->encode() == again);
    while (!cursor->outstanding().empty()) {
        const Seq first = *cursor->outstanding().begin();
        HOLDFAST_ASSERT(cursor->low_water() == first);
        HOLDFAST_ASSERT(cursor->settle(first));
    }
    HOLDFAST_ASSERT(cursor->low_water() == cursor->position());
    return 0;
}
