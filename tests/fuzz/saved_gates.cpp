// Gates that a restart finds in the log: kept text comes back as it is, and whatever it says, the
// gates that are restored from it can be asked and saved again.
#include "agent/delivery/saved_gates.hpp"

#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    using namespace std::chrono_literals;
    const auto snapshot = agent::decode_gates(fuzz::text(data, size));
    if (!snapshot) return 0;
    const std::string kept = agent::encode_gates(*snapshot);
    const auto again = agent::decode_gates(kept);
    HOLDFAST_ASSERT(again && agent::encode_gates(*again) == kept);

    constexpr Instant kNow(1h);
    constexpr WallTime kWallNow(1'767'323'045'678ms);
    for (const transport::Gates::Snapshot& saved : *snapshot) {
        transport::Gates gates({});
        gates.restore(saved, kNow, kWallNow);
        // Restored from its own time on, no gate is closed for ever.
        for (const auto& gate : gates.closed(kNow)) HOLDFAST_ASSERT(gate.until <= kNow + 2h);
        (void)gates.save(kNow, kWallNow);
    }
    return 0;
}
