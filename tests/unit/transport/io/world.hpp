// What the I/O tests share: one io_context, a CA, a server certificate, and a way to send.
#pragma once

#include "tests/unit/transport/io/certificates.hpp"
#include "tests/unit/transport/io/far_side.hpp"
#include "transport/client.hpp"

#include <boost/asio/co_spawn.hpp>
#include <gtest/gtest.h>

#include <exception>
#include <functional>
#include <optional>

namespace holdfast::transport::testing {

struct World {
    boost::asio::io_context io{1};
    TemporaryDirectory directory;
    Identity authority = make_identity({.common_name = "Test CA", .is_authority = true});
    std::string ca_file = directory.write("ca.pem", authority.certificate_pem());

    // Runs the context until `condition` holds. False: there was nothing left to run.
    bool run_until(const std::function<bool()>& condition) {
        while (!condition()) {
            if (io.run_one() == 0) return false;
        }
        return true;
    }

    // Starts an attempt; `result` is set when it ends. All three must live until then.
    void start(Client& client,
               const OutgoingRequest& request,
               std::optional<AttemptResult>& result) {
        auto done = [&result](const std::exception_ptr& thrown, AttemptResult value) {
            EXPECT_FALSE(thrown);
            result = std::move(value);
        };
        boost::asio::co_spawn(io, client.send(request), done);
    }

    AttemptResult send(Client& client, const OutgoingRequest& request) {
        std::optional<AttemptResult> result;
        start(client, request, result);
        EXPECT_TRUE(run_until([&result] { return result.has_value(); }));
        return result.value_or(AttemptResult{});
    }
};

inline OutgoingRequest post(std::string body = "{}", bool repeatable = false) {
    OutgoingRequest request;
    request.method = "POST";
    request.target = "/x";
    request.body = std::move(body);
    request.has_body = true;
    request.repeatable = repeatable;
    return request;
}

}  // namespace holdfast::transport::testing
