#include "tests/bench/calls.hpp"

#include "tests/bench/payload.hpp"

namespace holdfast::bench {
namespace {

constexpr std::uint32_t kPersons = 1'000'000;
constexpr std::string_view kPerson = "bench-000000";

std::string_view target_of(Api api) {
    switch (api) {
        case Api::track:
            return "/api/v1/customers/bench-000000/events";
        case Api::entity:
            return "/api/v2/entity";
        case Api::http:
            return "/destinations/bench/events?key=bench-000000";
    }
    return {};
}

const std::vector<std::string>& bodies_of(Api api) {
    return api == Api::entity ? entity_payloads() : payloads();
}

void write(std::uint32_t person, std::size_t place, std::string& text) {
    if (place == std::string::npos) return;
    for (std::size_t i = place + kPerson.size(); text[i - 1] != '-'; person /= 10) {
        text[--i] = static_cast<char>('0' + person % 10);
    }
}

}  // namespace

std::string_view name_of(Api api) {
    switch (api) {
        case Api::track:
            return "track";
        case Api::entity:
            return "entity";
        case Api::http:
            return "http";
    }
    return {};
}

Calls::Calls(Api api)
    : target_(target_of(api)),
      bodies_(bodies_of(api)),
      in_target_(target_.find(kPerson)),
      in_body_(bodies_.front().find(kPerson)) {}

client::Event Calls::next() {
    std::string& body = bodies_[person_ % bodies_.size()];
    write(person_, in_target_, target_);
    write(person_, in_body_, body);
    person_ = (person_ + 1) % kPersons;
    return {.method = client::Method::post, .target = target_, .body = body};
}

}  // namespace holdfast::bench
