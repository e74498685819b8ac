#include "agent/config_policy.hpp"

#include "agent/units.hpp"

#include <algorithm>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;
using transport::KindPolicy;
using transport::LimiterPolicy;

constexpr std::uint32_t kRateMax = 1000;  // in a period
constexpr std::size_t kEventNamesMax = 1000;
constexpr std::size_t kEventNameBytesMax = 100;

// "none": no more than the endpoint's own.
std::optional<LimiterPolicy> read_rate(Section& in,
                                       const std::string& key,
                                       std::optional<LimiterPolicy> fallback) {
    const std::optional<std::string> text = in.text(key);
    if (!text) return fallback;
    if (*text == "none") return std::nullopt;
    const std::optional<Rate> rate = parse_rate(*text);
    const bool fits = rate && rate->count >= 1 && rate->count <= kRateMax && rate->per >= 1s &&
                      rate->per <= transport::kLimiterPeriodMax;
    if (!fits) {
        in.error(key,
                 "\"" + *text + "\" is not a rate",
                 "a count of 1 to 1000 and a time of 1s to 1h, as in \"100/s\" or \"1/10s\", or "
                 "\"none\"");
        return fallback;
    }
    return LimiterPolicy{rate->count, rate->per, rate->count};
}

// `fallback` is for the case that the operator said nothing, and never more than the concurrency.
KindPolicy read_kind(Section& in,
                     Kind kind,
                     std::uint64_t fallback,
                     unsigned concurrency,
                     std::optional<LimiterPolicy> rate = std::nullopt) {
    const std::string prefix(to_string(kind));
    const std::string key = prefix + "_concurrency";
    KindPolicy policy;
    policy.concurrency_max =
        in.integer(key, {std::min<std::uint64_t>(fallback, concurrency), 1, 256});
    if (policy.concurrency_max > concurrency) {
        in.error(key,
                 std::to_string(policy.concurrency_max) + " is more than concurrency, which is " +
                     std::to_string(concurrency) + " and bounds all kinds together",
                 "1 to " + std::to_string(concurrency) + ", or a higher concurrency");
    }
    policy.rate = read_rate(in, prefix + "_rate", rate);
    return policy;
}

void read_kinds(Section& in, PolicyConfig& config, unsigned concurrency) {
    const auto kind = [&](Kind which) -> KindPolicy& {
        return config.kinds[static_cast<std::size_t>(which)];
    };
    kind(Kind::people) = read_kind(in, Kind::people, 256, concurrency);
    kind(Kind::events) = read_kind(in, Kind::events, 256, concurrency);
    kind(Kind::sends) = read_kind(in, Kind::sends, 5, concurrency);
    // The vendor takes one in ten seconds.
    constexpr LimiterPolicy kBroadcasts{1, 10s, 1};
    kind(Kind::broadcasts) = read_kind(in, Kind::broadcasts, 1, concurrency, kBroadcasts);
    kind(Kind::requests).concurrency_max = concurrency;
}

transport::BreakerPolicy read_breaker(Section& in, Duration attempt_max) {
    transport::BreakerPolicy breaker;
    const auto integer = [&](std::string_view key, std::uint64_t fallback, std::uint64_t min) {
        return static_cast<std::uint32_t>(in.integer(key, {fallback, min, 1000}));
    };
    breaker.failures_in_a_row = integer("breaker_failures", 5, 0);
    breaker.successes_to_close = integer("breaker_successes", 3, 1);
    breaker.window_failure_percent =
        static_cast<std::uint32_t>(in.integer("breaker_percent", {50, 0, 100}));
    breaker.window_calls_min = integer("breaker_calls_min", 10, 1);
    breaker.window = in.duration("breaker_window", {30s, 1s, 1h});
    breaker.slow_answer = in.duration("breaker_slow_answer", {5s, 10ms, 10min});
    if (breaker.failures_in_a_row == 0 && breaker.window_failure_percent == 0) {
        in.error("breaker_percent",
                 "with breaker_failures = 0 nothing would ever open the breaker",
                 "breaker_failures or breaker_percent above 0");
    }
    if (in.has("breaker_slow_answer") && breaker.slow_answer >= attempt_max) {
        in.warn("breaker_slow_answer",
                "no answer can be that slow: an attempt ends after " +
                    format_duration(attempt_max) + " (connect_timeout + 2 * answer_timeout)");
    }
    return breaker;
}

void read_giving_up(Section& in, PolicyConfig& config, const PolicyContext& context) {
    const std::uint64_t attempts = in.integer("give_up_attempts", {0, 0, 1'000'000});
    if (attempts > 0) config.give_up_attempts = static_cast<std::uint32_t>(attempts);
    config.retries_ambiguous = in.choice("ambiguous", "fail", {"fail", "retry"}) == "retry";
    if (context.give_up_after && *context.give_up_after < context.backoff_base) {
        in.error(in.has("give_up_after") ? "give_up_after" : "backoff_base",
                 "entries would be given up before their first retry",
                 "give_up_after of at least backoff_base");
    }
}

std::vector<std::string> read_event_names(Section& in,
                                          std::string_view key,
                                          std::vector<std::string> fallback) {
    const std::vector<std::string> names = in.texts(key, std::move(fallback));
    const bool fit =
        names.size() <= kEventNamesMax && std::ranges::all_of(names, [](const std::string& name) {
            return !name.empty() && name.size() <= kEventNameBytesMax;
        });
    if (!fit) in.error(key, "has a name that no event has", "up to 1000 names of 1 to 100 bytes");
    return names;
}

void read_degradation(Section& in, PolicyConfig& config) {
    config.degradation.by_age = in.duration_or_never("degrade_after", {15min, 1s, 24h * 365});
    config.degradation.by_disk = in.choice("degrade_on_disk", "yes", {"yes", "no"}) == "yes";
    config.essential_events =
        read_event_names(in, "essential_events", {"signup", "purchase", "subscription_changed"});
    config.shed_events = read_event_names(in, "shed_events", {});
    for (const std::string& name : config.shed_events) {
        const auto found = std::ranges::find(config.essential_events, name);
        if (found == config.essential_events.end()) continue;
        in.error("shed_events",
                 "\"" + name + "\" is an essential event as well, and those are always sent",
                 "names that are not in essential_events");
    }
}

std::optional<customerio::PathIdentifier> read_identifiers(Section& in) {
    const std::string chosen = in.choice("identifiers", "unknown", {"unknown", "id", "email"});
    if (chosen == "id") return customerio::PathIdentifier::id;
    if (chosen == "email") return customerio::PathIdentifier::email;
    return std::nullopt;
}

void read_sharing(Section& in, PolicyConfig& config) {
    config.identifiers = read_identifiers(in);
    config.shares_requests = in.choice("batch", "on", {"on", "off"}) == "on";
    config.share.bytes_max = in.size("batch_bytes", {500'000, 1'000, 500'000});
    config.share.count_max = in.integer("batch_count", {1000, 2, 1000});
    if (!config.shares_requests && config.identifiers) {
        in.error("identifiers",
                 "says what v1 calls become in a batch, and batch is \"off\"",
                 "batch = \"on\", or no identifiers");
    }
}

}  // namespace

PolicyConfig read_policy(Section& in, const PolicyContext& context) {
    PolicyConfig config;
    config.is_adaptive =
        in.choice("concurrency_mode", "adaptive", {"adaptive", "fixed"}) == "adaptive";
    read_kinds(in, config, context.concurrency);
    config.breaker = read_breaker(in, context.attempt_max);
    config.retry_after_cap = in.duration("retry_after_cap", {1h, 1s, 24h});
    config.auth_probe_every = in.duration("auth_probe_every", {1min, 1s, 1h});
    read_giving_up(in, config, context);
    read_degradation(in, config);
    read_sharing(in, config);
    return config;
}

}  // namespace holdfast::agent
