// What the far side says of a batch: each index once, in order, within the batch; what is read
// comes back from its own writing.
#include "proto/assert.hpp"
#include "proto/customerio/v2_batch.hpp"
#include "tests/fuzz/target.hpp"

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    using customerio::parse_batch_errors;
    constexpr std::size_t kCount = 100;
    const auto found = parse_batch_errors(fuzz::text(data, size), kCount);
    if (!found) return 0;
    std::size_t next = 0;
    for (const customerio::BatchError& error : found->errors) {
        HOLDFAST_ASSERT(error.index >= next && error.index < kCount);
        next = error.index + 1;
    }
    const auto again = parse_batch_errors(customerio::batch_errors_body(found->errors), kCount);
    HOLDFAST_ASSERT(again && again->errors == found->errors && again->ignored == 0);
    return 0;
}
