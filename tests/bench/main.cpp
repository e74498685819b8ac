// holdfast-bench: one contender, one load, one line of JSON. tests/bench/run puts them side by
// side.
#include "tests/bench/append.hpp"
#include "tests/bench/closed_loop.hpp"
#include "tests/bench/committer.hpp"
#include "tests/bench/drain.hpp"
#include "tests/bench/fill.hpp"
#include "tests/bench/frames.hpp"
#include "tests/bench/http.hpp"
#include "tests/bench/payload.hpp"
#include "tests/bench/recorder.hpp"
#include "tests/bench/redis.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

namespace {

namespace bench = holdfast::bench;

constexpr int kNotSupported = 3;

struct Arguments {
    bench::Load load;
    bench::Drain drain;
    bench::Api api = bench::Api::track;
    std::string directory;
    std::size_t writers = 1;
    double seconds = 5;
    double warm_up = 1;
    int server = 0;
    bool histogram = false;
};

void add_plan(CLI::App& mode, Arguments& to) {
    mode.add_option("--seconds", to.seconds, "Length of the window that counts")
        ->check(CLI::Range(0.05, 3600.0))
        ->capture_default_str();
    mode.add_option("--warm-up", to.warm_up, "Seconds before it that do not")
        ->check(CLI::Range(0.0, 60.0))
        ->capture_default_str();
}

void add_in_process(CLI::App& mode, const char* writers, Arguments& to) {
    mode.add_option("--dir", to.directory, "Where to write")
        ->required()
        ->check(CLI::ExistingDirectory);
    mode.add_option("--writers", to.writers, writers)
        ->check(CLI::Range(1, 100'000))
        ->capture_default_str();
    add_plan(mode, to);
}

void add_socket(CLI::App& mode, Arguments& to) {
    mode.add_option("--socket", to.load.socket, "The server's Unix socket")->required();
    mode.add_option("-c,--connections", to.load.connections, "Connections")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    mode.add_option("-o,--outstanding", to.load.outstanding, "Requests under way on each")
        ->check(CLI::Range(1, 10'000))
        ->capture_default_str();
    mode.add_option("--server-pid", to.server, "Show the CPU time of this process");
    mode.add_flag("--histogram", to.histogram, "Show how many answers took how long, on stderr");
    add_plan(mode, to);
}

CLI::App* add_fill(CLI::App& app, Arguments& to) {
    std::map<std::string, bench::Api> apis;
    for (const bench::Api api : bench::kApis) apis.emplace(name_of(api), api);
    auto* mode = app.add_subcommand(
        "fill", "Give holdfastd a backlog; ends with 3 if it knows no such calls");
    mode->add_option("--socket", to.load.socket, "Its ingest socket")->required();
    mode->add_option("--events", to.drain.events, "How many")->required();
    mode->add_option("--api", to.api, "track, entity or http, for a destination `bench`")
        ->transform(CLI::Transformer(apis))
        ->required();
    return mode;
}

CLI::App* add_drain(CLI::App& app, Arguments& to) {
    auto* mode = app.add_subcommand("drain", "Watch holdfastd deliver a backlog");
    mode->add_option("--socket", to.drain.socket, "Its admin socket")->required();
    mode->add_option("--events", to.drain.events, "How many wait; the first tenth does not count")
        ->required();
    mode->add_option("--seconds", to.seconds, "Length of the window, unless it ends sooner")
        ->check(CLI::Range(0.05, 3600.0))
        ->capture_default_str();
    mode->add_option("--agent-pid", to.drain.agent, "Its process")->required();
    mode->add_option("--far-side-pid", to.drain.far_side, "Processes whose CPU time is shown");
    return mode;
}

std::string name(const char* contender, std::size_t connections, std::size_t outstanding) {
    return fmt::format(R"("contender":"{}","connections":{},"outstanding":{})",
                       contender,
                       connections,
                       outstanding);
}

int report(const bench::Recorder& recorder, const std::string& load, bench::Clock::time_point end) {
    fmt::print("{}\n", recorder.report(load, end));
    if (recorder.errors() == 0) return EXIT_SUCCESS;
    fmt::print(stderr, "holdfast-bench: {} requests were refused\n", recorder.errors());
    return EXIT_FAILURE;
}

bench::Recorder recorder(const Arguments& given) {
    using Seconds = std::chrono::duration<double>;
    return bench::Recorder({Seconds(given.warm_up), Seconds(given.seconds), given.server});
}

int fill(const Arguments& given) {
    const bool taken = bench::fill(given.load.socket, given.api, given.drain.events);
    return taken ? EXIT_SUCCESS : kNotSupported;
}

int drain(Arguments& given) {
    given.drain.longest = std::chrono::duration<double>(given.seconds);
    fmt::print("{}\n", bench::drain(given.drain));
    return EXIT_SUCCESS;
}

int over_socket(const char* contender, bench::Protocol& protocol, const Arguments& given) {
    auto measured = recorder(given);
    const auto end = bench::closed_loop(given.load, protocol, measured);
    if (given.histogram) fmt::print(stderr, "{}", measured.histogram());
    return report(measured, name(contender, given.load.connections, given.load.outstanding), end);
}

}  // namespace

int main(int argc, char** argv) {
    Arguments given;
    CLI::App app("Measures acknowledged 512-byte events and prints one line of JSON.");
    app.require_subcommand(1);
    auto* append = app.add_subcommand("fdatasync", "Append to a file and sync it");
    add_in_process(*append, "Payloads in each write", given);
    auto* rocksdb = app.add_subcommand("rocksdb", "Group commit on a bare RocksDB");
    add_in_process(*rocksdb, "Producers, each with one payload under way", given);
    auto* redis = app.add_subcommand("redis", "XADD to a Redis");
    add_socket(*redis, given);
    auto* http = app.add_subcommand("http", "POST Track API events to holdfastd");
    add_socket(*http, given);
    auto* frames = app.add_subcommand("frames", "Track API events in native frames to holdfastd");
    add_socket(*frames, given);
    const auto* fill_mode = add_fill(app, given);
    const auto* drain_mode = add_drain(app, given);
    const auto* payload = app.add_subcommand("payload", "Print the body of the first event");
    CLI11_PARSE(app, argc, argv);

    if (*payload) {
        fmt::print("{}", bench::payloads().front());
        return EXIT_SUCCESS;
    }
    if (*fill_mode) return fill(given);
    if (*drain_mode) return drain(given);
    if (*append) {
        auto measured = recorder(given);
        const auto end = bench::append_and_sync(given.directory, given.writers, measured);
        return report(measured, name("fdatasync", given.writers, 1), end);
    }
    if (*rocksdb) {
        auto measured = recorder(given);
        const auto end = bench::commit_in_groups(given.directory, given.writers, measured);
        return report(measured, name("rocksdb", given.writers, 1), end);
    }
    if (*redis) {
        bench::Redis protocol;
        return over_socket("redis", protocol, given);
    }
    if (*frames) {
        bench::Frames protocol;
        return over_socket("native", protocol, given);
    }
    bench::Http protocol;
    return over_socket("holdfastd", protocol, given);
}
