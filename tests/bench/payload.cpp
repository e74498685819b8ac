#include "tests/bench/payload.hpp"

#include <fmt/core.h>

#include <random>
#include <string_view>

namespace holdfast::bench {
namespace {

constexpr std::size_t kBodies = 64;

std::string body(std::size_t number, std::mt19937& random) {
    constexpr std::string_view kLetters =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    auto text = fmt::format(
        R"({{"name":"order_completed","data":{{"order":{},"currency":"EUR","total":129.95,"note":")",
        number);
    while (text.size() < kPayloadBytes - 3) text += kLetters[random() % kLetters.size()];
    return text + R"("}})";
}

std::vector<std::string> make() {
    std::mt19937 random(1);  // the same bodies in every run
    std::vector<std::string> bodies;
    for (std::size_t i = 0; i < kBodies; ++i) bodies.push_back(body(i, random));
    return bodies;
}

}  // namespace

const std::vector<std::string>& payloads() {
    static const auto bodies = make();
    return bodies;
}

}  // namespace holdfast::bench
