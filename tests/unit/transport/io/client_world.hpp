// One client and one far side, over plain TCP (false) and over TLS (true): every promise holds for
// both.
#pragma once

#include "tests/unit/transport/io/world.hpp"

#include <chrono>
#include <memory>
#include <string>
#include <vector>

namespace holdfast::transport::testing {

class ClientWorld : public ::testing::TestWithParam<bool>, public World {
protected:
    [[nodiscard]] bool tls() const { return GetParam(); }

    boost::asio::ssl::context* far_tls() { return tls() ? far_context_.get() : nullptr; }

    void listen(FarSide::Script script, bool shakes_hands = true) {
        far = far_sides_
                  .emplace_back(
                      std::make_unique<FarSide>(io, far_tls(), std::move(script), shakes_hands))
                  .get();
        options.origin.port = far->port();
    }

    Client& client() {
        if (!client_) {
            options.origin.tls = tls();
            options.ca_file = ca_file;
            auto made = Client::create(io.get_executor(), options);
            EXPECT_TRUE(made);
            client_ = std::move(*made);
        }
        return *client_;
    }

    AttemptResult send(const OutgoingRequest& request = post()) {
        const auto start = std::chrono::steady_clock::now();
        AttemptResult result = World::send(client(), request);
        took = std::chrono::steady_clock::now() - start;
        return result;
    }

    void drop_client() { client_.reset(); }

    ClientOptions options{.origin = {false, "127.0.0.1", 0, ""},
                          .deadlines = {.connect = std::chrono::seconds(10),
                                        .first_byte = std::chrono::seconds(10),
                                        .total = std::chrono::seconds(10)},
                          .ca_file = "",
                          .idle_connections_max = 32,
                          .idle_for = std::chrono::seconds(10)};
    FarSide* far = nullptr;  // the last one
    Duration took{};         // the last attempt; a missed deadline shows as the next one, 10 s

private:
    const std::unique_ptr<boost::asio::ssl::context> far_context_ = server_context(
        make_identity({.alternative_names = "DNS:localhost,IP:127.0.0.1"}, &authority));
    std::vector<std::unique_ptr<FarSide>> far_sides_;  // their sessions need them to the end
    std::unique_ptr<Client> client_;
};

inline std::string plain_or_tls(const ::testing::TestParamInfo<bool>& info) {
    return info.param ? "tls" : "plain";
}

}  // namespace holdfast::transport::testing
