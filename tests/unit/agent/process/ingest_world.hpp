// An ingest server over a real log in a directory of its own, on real sockets, all run by the test.
#pragma once

#include "agent/ingest/server.hpp"
#include "tests/unit/agent/process/app.hpp"
#include "tests/unit/agent/process/troubled_disk.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace holdfast::agent {

class IngestWorld {
public:
    struct Options {
        IngestLimits limits = {};
        std::size_t open_batch_bytes_max = std::size_t{1} << 20U;
        std::uint64_t min_free = 0;
    };

    IngestWorld();
    explicit IngestWorld(Options options);
    ~IngestWorld();
    IngestWorld(const IngestWorld&) = delete;
    IngestWorld& operator=(const IngestWorld&) = delete;

    // A connection, on the Unix socket; lives as long as the world.
    App& connect();
    App& connect_tcp();

    // All of one process that is not this one.
    std::vector<App*> connect_elsewhere(std::size_t count);

    // Lets everything run until it is so. False when it takes too long.
    [[nodiscard]] bool until(const std::function<bool()>& is_so);

    // Lets everything run for some real time.
    void run_for(Duration time);

    // Until nothing moves any more that could move without us.
    void settle();

    [[nodiscard]] std::string socket() const { return dir_.path("ingest.sock"); }

    std::atomic<std::uint64_t> free_bytes = std::uint64_t{1} << 40U;  // as the log sees the disk
    TroubledDisk disk;
    boost::asio::io_context io{1};
    std::unique_ptr<wal::Log> log;
    std::unique_ptr<IngestServer> server;

private:
    bool step();

    TempDir dir_;
    Directory directory_;
    std::deque<App> apps_;
};

}  // namespace holdfast::agent
