// Whatever the bytes are: damage is listed in order, within the file and without overlap; batches
// come in order; and a file that is clean stays so when reserved space follows it.
#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"
#include "wal/prescan.hpp"

#include <string>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    const std::string_view bytes = fuzz::text(data, size);
    std::uint64_t batches = 0;
    std::uint64_t last = 0;
    const wal::Prescan scan = wal::prescan(bytes, [&](const wal::LoggedBatch& batch) {
        HOLDFAST_ASSERT(batches == 0 || batch.offset > last);
        HOLDFAST_ASSERT(batch.offset < bytes.size() && batch.bytes.size() <= bytes.size());
        last = batch.offset;
        ++batches;
    });
    HOLDFAST_ASSERT(scan.batches == batches);
    HOLDFAST_ASSERT((scan.found == wal::LogBytes::clean) == scan.damage.empty());
    std::uint64_t end = 0;
    for (const wal::Damage& damage : scan.damage) {
        HOLDFAST_ASSERT(damage.begin >= end && damage.begin < damage.end);
        end = damage.end;
    }
    HOLDFAST_ASSERT(end <= bytes.size());
    if (scan.found == wal::LogBytes::clean) {
        const std::string longer = std::string(bytes) + std::string(64, '\0');
        HOLDFAST_ASSERT(wal::prescan(longer).found == wal::LogBytes::clean);
    }
    return 0;
}
