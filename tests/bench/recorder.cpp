#include "tests/bench/recorder.hpp"

#include "tests/bench/cpu_time.hpp"

#include <fmt/core.h>

#include <iterator>

namespace holdfast::bench {
Recorder::Recorder(const Plan& plan)
    : begin_(Clock::now() + std::chrono::duration_cast<Clock::duration>(plan.warm_up)),
      end_(begin_ + std::chrono::duration_cast<Clock::duration>(plan.window)),
      server_(plan.server) {}

void Recorder::start_counting(Clock::time_point now) {
    end_ += now - begin_;
    begin_ = now;
    counting_ = true;
    latency_ = {};
    own_cpu_ = own_cpu_time();
    if (server_ != 0) server_cpu_ = cpu_time_of(server_);
}

std::string Recorder::histogram() const {
    constexpr std::uint64_t kSteps[] = {
        0, 100, 250, 500, 1000, 2500, 5000, 10'000, 25'000, 50'000, 100'000, 250'000, 1'000'000};
    std::string lines;
    for (std::size_t i = 0; i < std::size(kSteps); ++i) {
        const bool is_last = i + 1 == std::size(kSteps);
        const std::uint64_t end = is_last ? std::uint64_t{1} << 62U : kSteps[i + 1] * 1000;
        const std::uint64_t count = latency_.between(kSteps[i] * 1000, end);
        const std::string name = is_last ? fmt::format("{} us and more", kSteps[i])
                                         : fmt::format("{} to {} us", kSteps[i], kSteps[i + 1]);
        lines +=
            fmt::format("{:<22}{:>12}  {:.5f} %\n",
                        name,
                        count,
                        100 * static_cast<double>(count) / static_cast<double>(latency_.count()));
    }
    return lines;
}

std::string Recorder::report(const std::string& load, Clock::time_point now) const {
    const double window = std::chrono::duration<double>(now - begin_).count();
    const auto micros = [&](double q) { return static_cast<double>(latency_.quantile(q)) / 1e3; };
    std::string line = fmt::format(
        R"({{{},"seconds":{:.2f},"acks":{},"errors":{},"acks_per_s":{:.0f},"p50_us":{:.0f},)"
        R"("p99_us":{:.0f},"max_us":{:.0f},"load_cpu_s":{:.2f})",
        load,
        window,
        latency_.count(),
        errors_,
        static_cast<double>(latency_.count()) / window,
        micros(0.5),
        micros(0.99),
        micros(1.0),
        own_cpu_time() - own_cpu_);
    if (server_ != 0)
        line += fmt::format(R"(,"server_cpu_s":{:.2f})", cpu_time_of(server_) - server_cpu_);
    return line + '}';
}

}  // namespace holdfast::bench
