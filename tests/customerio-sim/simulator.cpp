#include "tests/customerio-sim/simulator.hpp"

#include <utility>

namespace holdfast::customerio_sim {

Simulator::Simulator(const Options& options)
    : faults(options.seed),
      log(options.log_max),
      workspace(options.log_max),
      account_(options.account),
      apply_delay_(options.apply_delay),
      trigger_interval_(options.trigger_interval) {
    if (!options.log_file.empty()) log_file_.open(options.log_file, std::ios::app);
}

Exchange Simulator::arrive(Request&& request, std::uint64_t connection) {
    using namespace std::chrono;
    const auto now_us = duration_cast<microseconds>(system_clock::now().time_since_epoch()).count();
    const Surroundings around{account_, now_us / 1'000'000, log.next_number()};
    Exchange exchange;
    exchange.request = std::move(request);
    exchange.decision = decide(exchange.request, around);
    limit_triggers(exchange.decision, steady_clock::now());
    std::optional<Fault> fault = faults.pick(exchange.request, exchange.decision);
    if (fault) refuse_items(exchange.decision, fault->batch_errors);
    exchange.number = log.arrived(
        exchange.request, exchange.decision, connection, static_cast<double>(now_us) / 1000.0);
    if (fault) {
        log.fault_applied(exchange.number, fault->source);
        exchange.fault = std::move(*fault);
    }
    return exchange;
}

// The one rate that the vendor enforces. Of all broadcasts together: it does not say which.
void Simulator::limit_triggers(Decision& decision, Instant now) {
    if (decision.operation != "trigger_broadcast" || !decision.calls.front().accepted) return;
    if (!triggered_at_ || now - *triggered_at_ >= trigger_interval_) {
        triggered_at_ = now;
        return;
    }
    const Json error = {{"detail", "too many requests"}, {"status", "429"}};
    decision.answer = json_answer(429, Json{{"errors", Json::array({error})}});
    decision.calls.front().accepted = false;
    decision.calls.front().refusal = "too many requests";
}

void Simulator::work(Exchange& exchange, Instant now) {
    if (apply_delay_.count() == 0) {
        apply(exchange.number, exchange.decision.calls);
    } else {
        postponed_.push_back({now + apply_delay_, exchange.number, exchange.decision.calls});
    }
}

void Simulator::apply(std::uint64_t number, const std::vector<Call>& calls) {
    for (std::size_t i = 0; i < calls.size(); ++i) {
        if (calls[i].accepted) log.worked(number, i, workspace.apply(calls[i], number));
    }
}

void Simulator::leave(const Exchange& exchange, std::optional<unsigned> status) {
    log.left(exchange.number, exchange.decision, status);
    if (!log_file_.is_open()) return;
    const std::optional<Json> entry = log.request_json(exchange.number, /*whole=*/true);
    if (entry) log_file_ << dump(*entry) << '\n' << std::flush;
}

std::optional<Simulator::Instant> Simulator::apply_due(Instant now) {
    while (!postponed_.empty() && postponed_.front().due <= now) {
        apply(postponed_.front().number, postponed_.front().calls);
        postponed_.pop_front();
    }
    if (postponed_.empty()) return std::nullopt;
    return postponed_.front().due;
}

void Simulator::reset() {
    log.clear();
    workspace.clear();
    postponed_.clear();
    triggered_at_.reset();
}

}  // namespace holdfast::customerio_sim
