#include "tests/bench/payload.hpp"

#include <fmt/core.h>

#include <random>
#include <string_view>

namespace holdfast::bench {
namespace {

constexpr std::size_t kBodies = 64;

// `head` opens the object that holds the event's own data, and the one around it.
std::string body(std::string_view head, std::size_t number, std::mt19937& random) {
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    auto text =
        fmt::format(R"({}"order":{},"currency":"EUR","total":129.95,"note":")", head, number);
    while (text.size() < kPayloadBytes - 3) text += kLetters[random() % kLetters.size()];
    return text + R"("}})";
}

std::vector<std::string> make(std::string_view head) {
    std::mt19937 random(1);  // the same bodies in every run
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < kBodies; ++i) bodies.push_back(body(head, i, random));
    return bodies;
}

}  // namespace

const std::vector<std::string>& payloads() {
    static const auto bodies = make(R"({"name":"order_completed","data":{)");
    return bodies;
}

const std::vector<std::string>& entity_payloads() {
    static const auto bodies =
        make(R"({"type":"person","identifiers":{"id":"bench-000000"},"action":"event",)"
             R"("name":"order_completed","attributes":{)");
    return bodies;
}

}  // namespace holdfast::bench
