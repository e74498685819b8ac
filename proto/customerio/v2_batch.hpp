// Many operations of Track API v2 in one request, and what is said of them.
#pragma once

#include "proto/customerio/limits.hpp"
#include "proto/result.hpp"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::customerio {

// The body of a request to kBatchTarget. Limits: kV2BatchBytesMax, and kV2OperationBytesMax for
// each operation.
class Packer {
public:
    Packer() { clear(); }

    // Behind those that are in. False: it does not fit, and nothing has changed; where none is in
    // yet it is larger than an operation may be.
    [[nodiscard]] bool add(std::string_view operation);

    [[nodiscard]] std::size_t count() const { return count_; }

    [[nodiscard]] std::string_view body() const { return body_; }

    void clear();

private:
    std::string body_;
    std::size_t count_ = 0;
};

// What is wrong with one operation of a batch.
struct BatchError {
    std::size_t index = 0;  // in the batch
    std::string reason;
    std::string field;
    std::string message;

    bool operator==(const BatchError&) const = default;
};

struct BatchErrors {
    std::vector<BatchError> errors;  // by index, each once: the first that is said of it
    std::size_t ignored = 0;         // entries without an index, or with one beyond the batch
};

// What the body of a 207 or a 400 says of a batch of `count` operations. Errors: bad_input (cannot
// be read).
[[nodiscard]] Result<BatchErrors> parse_batch_errors(std::string_view body, std::size_t count);

// The body that says so. With a `message` it is that of a request of which nothing was taken, as
// Refusal::body() has it.
[[nodiscard]] std::string batch_errors_body(std::span<const BatchError> errors,
                                            std::string_view message = {});

}  // namespace holdfast::customerio
