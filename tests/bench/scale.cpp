// holdfast-scale: a log with many entries, alone, through everything that happens to it: filled,
// killed, opened, read, drained, given back to the disk; and the same with entries that wait
// parked. Prints what README.md here calls the scale table.
#include "proto/ulid.hpp"
#include "tests/bench/fail.hpp"
#include "tests/bench/payload.hpp"
#include "wal/log.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <mutex>
#include <string>

namespace {

using holdfast::Event;
using holdfast::Result;
using holdfast::Seq;
using holdfast::wal::Commit;
using holdfast::wal::Log;
using holdfast::wal::LogOptions;
using holdfast::wal::Pending;
using Clock = std::chrono::steady_clock;

constexpr const char* kDestination = "crm";
constexpr std::size_t kBatch = 512;        // events of one write
constexpr std::size_t kStretch = 100'000;  // whose pace is compared
constexpr std::uint64_t kPeople = 100'000;

double seconds_since(Clock::time_point begin) {
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// A number of this process, such as "VmRSS" of status and "write_bytes" of io.
std::uint64_t proc(const char* file, const std::string& name) {
    std::ifstream in(std::string("/proc/self/") + file);
    for (std::string word; in >> word;) {
        std::uint64_t value = 0;
        if (word == name + ":" && in >> value) return value;
    }
    return 0;
}

void print(const char* what, const std::string& value) {
    fmt::print("{:<58}{}\n", what, value);
    std::fflush(stdout);
}

void print_memory(const char* what) {
    print(what,
          fmt::format("{:.0f} MB resident, {:.0f} MB of it not files",
                      static_cast<double>(proc("status", "VmRSS")) / 1e3,
                      static_cast<double>(proc("status", "RssAnon")) / 1e3));
}

class Subject {
public:
    explicit Subject(const std::string& directory, bool keeps_history = true) {
        LogOptions options;
        options.directory = directory;
        if (!keeps_history) options.history = {};
        options.reclaim_every = std::chrono::seconds(1);
        options.wall_now = [] {
            return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
        };
        options.note = [](const std::string& line) { fmt::print(stderr, "{}\n", line); };
        options.on_commit = [this](const Commit& commit) {
            if (commit.error) holdfast::bench::fail(commit.error->detail);
            const std::scoped_lock lock(mutex_);
            stored_ += commit.appended.size();
            changed_.notify_one();
        };
        Result<std::unique_ptr<Log>> opened = Log::open(std::move(options));
        if (!opened) holdfast::bench::fail(opened.error().detail);
        log_ = std::move(*opened);
        log_->add_destination(kDestination);
    }

    Log* operator->() { return log_.get(); }

    // Returns when they are on the disk.
    void append(std::uint64_t count) {
        const auto& bodies = holdfast::bench::payloads();
        for (std::uint64_t i = 0; i < count; ++i) {
            Event event;
            event.accepted_at =
                std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
            event.id = ulids_.make(event.accepted_at);
            const std::string person = "id:" + std::to_string(i % kPeople);
            event.lane = holdfast::lane_of(kDestination, person);
            event.destination = kDestination;
            event.person = person;
            event.target = "/api/v1/customers/1/events";
            event.body = bodies[i % bodies.size()];
            if (const Result<Seq> seq = log_->append(event, 1); !seq) {
                holdfast::bench::fail(seq.error().detail);
            }
        }
        log_->write();
        std::unique_lock lock(mutex_);
        awaited_ += count;
        changed_.wait(lock, [this] { return stored_ >= awaited_; });
    }

    std::vector<Pending> take() {
        Result<holdfast::wal::Taken> taken = log_->take(kDestination, kBatch);
        if (!taken) holdfast::bench::fail(taken.error().detail);
        return std::move(taken->entries);
    }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::uint64_t stored_ = 0;
    std::uint64_t awaited_ = 0;
    holdfast::UlidFactory ulids_{1};
    std::unique_ptr<Log> log_;
};

void fill(const std::string& directory, std::uint64_t entries) {
    Subject log(directory);
    const auto begin = Clock::now();
    const std::uint64_t before = proc("io", "write_bytes");
    for (std::uint64_t left = entries; left > 0;) {
        const std::uint64_t count = std::min<std::uint64_t>(left, kBatch);
        log.append(count);
        left -= count;
    }
    const double took = seconds_since(begin);
    const auto written = static_cast<double>(proc("io", "write_bytes") - before);
    print("filled", fmt::format("{:.0f} entries/s", static_cast<double>(entries) / took));
    print("written to the disk, to the bytes of the payloads",
          fmt::format("{:.2f}",
                      written / static_cast<double>(entries * holdfast::bench::kPayloadBytes)));
    print_memory("all of them pending");
    std::fflush(nullptr);
    ::kill(::getpid(), SIGKILL);
}

void restart(const std::string& directory) {
    const auto begin = Clock::now();
    Subject log(directory);
    print("after the kill: opened", fmt::format("{:.3f} s", seconds_since(begin)));
    log.append(1);
    print("after the kill: first entry stored", fmt::format("{:.3f} s", seconds_since(begin)));
    const std::vector<Pending> first = log.take();
    if (first.empty() || !log->get(first.front().seq)) holdfast::bench::fail("nothing to read");
    print("after the kill: first entry read", fmt::format("{:.3f} s", seconds_since(begin)));
    print_memory("after the kill");
}

void read_back(const std::string& directory) {
    Subject log(directory);
    const auto begin = Clock::now();
    std::uint64_t count = 0;
    for (auto some = log.take(); !some.empty(); some = log.take()) count += some.size();
    print("read in order, what delivery needs to know of each",
          fmt::format("{:.0f} entries/s", static_cast<double>(count) / seconds_since(begin)));
    print_memory("all of them in flight");
}

// Delivery without a far side: each is read with its body and completed.
double deliver(Subject& log, std::uint64_t entries) {
    const auto begin = Clock::now();
    std::uint64_t count = 0;
    while (count < entries) {
        const std::vector<Pending> some = log.take();
        if (some.empty()) break;
        for (const Pending& one : some) {
            if (!log->get(one.seq)) holdfast::bench::fail("an entry cannot be read");
            log->complete(kDestination, one.seq);
        }
        count += some.size();
    }
    return static_cast<double>(count) / seconds_since(begin);
}

void drain(const std::string& directory) {
    Subject log(directory, false);
    const std::uint64_t entries = log->counts(kDestination).pending;
    const double first = deliver(log, kStretch);
    const double between = entries > 2 * kStretch ? deliver(log, entries - 2 * kStretch) : first;
    const double last = deliver(log, kStretch);
    print("read with the body and completed: the first 100,000",
          fmt::format("{:.0f} entries/s", first));
    print("                                  those between",
          fmt::format("{:.0f} entries/s", between));
    print("                                  the last 100,000",
          fmt::format("{:.0f} entries/s", last));
    const auto begin = Clock::now();
    while (log->health().tail <= log->health().head && seconds_since(begin) < 60) {
        log->save("nudge", std::to_string(seconds_since(begin)));
        ::usleep(100'000);
    }
    print("reclaimed after", fmt::format("{:.1f} s", seconds_since(begin)));
    print("left on the disk, with no history to keep",
          fmt::format("{:.0f} MB", static_cast<double>(log->space().use.used) / 1e6));
}

// Entries that wait, and then others that do not.
void with_parked(const std::string& directory, std::uint64_t parked, std::uint64_t entries) {
    Subject log(directory);
    const auto fill = [&](std::uint64_t count) {
        for (; count > 0; count -= std::min<std::uint64_t>(count, kBatch)) {
            log.append(std::min<std::uint64_t>(count, kBatch));
        }
    };
    fill(parked);
    const holdfast::wal::Retry retry{
        .attempts = 3, .status = 503, .intended = false, .reason = "503"};
    for (auto some = log.take(); !some.empty(); some = log.take()) {
        for (const Pending& one : some) {
            log->retry(kDestination, one.seq, retry);
            log->park(kDestination, one.seq);
        }
        log.append(1);  // the marks come along
        if (some.size() < kBatch) break;
    }
    fill(entries);
    print(fmt::format("with {} parked", parked).c_str(),
          fmt::format("{:.0f} entries/s", deliver(log, entries)));
    print_memory("");
}

// Each in a process of its own, so that its memory is its own.
template <class Step>
void run(Step step) {
    std::fflush(nullptr);
    const pid_t child = ::fork();
    if (child < 0) holdfast::bench::fail_errno("fork");
    if (child == 0) {
        step();
        std::fflush(nullptr);
        ::_exit(0);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child) holdfast::bench::fail_errno("waitpid");
    const bool ok = (WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
                    (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    if (!ok) holdfast::bench::fail("a step failed");
}

}  // namespace

int main(int argc, char** argv) {
    std::string directory;
    std::uint64_t entries = 10'000'000;
    std::uint64_t parked = 1'000'000;
    CLI::App app("Takes a log of many 512-byte entries through its life and measures each step.");
    app.add_option("--dir", directory, "Where to put it")
        ->required()
        ->check(CLI::ExistingDirectory);
    app.add_option("--entries", entries, "How many")->capture_default_str();
    app.add_option("--parked", parked, "How many that wait")->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    const std::string log = directory + "/log";
    fmt::print("{} entries of {} bytes\n", entries, holdfast::bench::kPayloadBytes);
    run([&] { fill(log, entries); });
    run([&] { restart(log); });
    run([&] { read_back(log); });
    run([&] { drain(log); });
    std::filesystem::remove_all(log);
    const std::uint64_t others = std::min<std::uint64_t>(entries, 1'000'000);
    fmt::print("\n{} entries beside those that wait: read with the body and completed\n", others);
    run([&] { with_parked(log, 0, others); });
    std::filesystem::remove_all(log);
    run([&] { with_parked(log, parked, others); });
    std::filesystem::remove_all(log);
    return EXIT_SUCCESS;
}
