// Fault rules: which requests are to go wrong, how often, and in which way.
#pragma once

#include "tests/customerio-sim/call.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace holdfast::customerio_sim {

// One fault. Where two are given they combine, as a delayed 503 does. "The work" is the effect that
// the request has on the workspace.
struct Fault {
    enum class Cut : std::uint8_t { never, before, after };  // relative to the work

    std::optional<unsigned> status;  // answered instead of doing the work
    std::string body;                // with `status`; empty for a body that fits it
    std::vector<std::pair<std::string, std::string>> headers;
    std::string redirect;  // an origin gets the request's own path appended
    bool hang = false;     // no work, no answer
    Cut reset = Cut::never;
    Cut close = Cut::never;
    std::chrono::milliseconds delay{};  // after the work, before the first byte
    std::chrono::milliseconds drip{};   // between the bytes of the answer
    bool truncate = false;              // the work, half of the answer, then close
    bool garbage = false;               // the work, bytes that are not HTTP, then close
    std::vector<std::size_t> batch_errors;
    Json source;  // as it was written, for the request log

    [[nodiscard]] bool prevents_work() const {
        return status || !redirect.empty() || hang || reset == Cut::before || close == Cut::before;
    }

    // The answer in place of the usual one. Only with `status` or `redirect`.
    [[nodiscard]] Answer answer(const Request& request) const;
};

class Faults {
public:
    explicit Faults(std::uint64_t seed) : random_(seed) {}

    // Replaces all rules by those of a JSON list, or keeps what there is and says what is wrong.
    [[nodiscard]] std::optional<std::string> replace(const Json& rules);

    void clear() { rules_.clear(); }

    // The fault of the first rule that matches and fires.
    [[nodiscard]] std::optional<Fault> pick(const Request& request, const Decision& decision);

    [[nodiscard]] Json to_json() const;  // each with `left` and `hits`

private:
    struct Rule {
        std::map<std::string, std::string> match;  // path | method | operation | person
        std::optional<std::uint64_t> left;         // none: for ever
        double probability = 1;
        Fault fault;
        std::uint64_t hits = 0;
        Json source;
    };

    [[nodiscard]] static std::optional<std::string> parse(const Json& source, Rule& rule);
    [[nodiscard]] static bool matches(const Rule& rule, const Request&, const Decision&);

    std::mt19937_64 random_;
    std::vector<Rule> rules_;
};

}  // namespace holdfast::customerio_sim
