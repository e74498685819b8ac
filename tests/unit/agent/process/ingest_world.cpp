#include "tests/unit/agent/process/ingest_world.hpp"

#include "agent/clock.hpp"

#include <boost/asio/post.hpp>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;

constexpr Duration kPatience = 20s;

// Where this process listens on TCP, at a port that the kernel chose.
std::uint16_t listening_port() {
    for (int descriptor = 3; descriptor < 1024; ++descriptor) {
        int listens = 0;
        socklen_t size = sizeof(listens);
        sockaddr_in address{};
        socklen_t address_size = sizeof(address);
        if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0) continue;
        ::getsockname(descriptor, reinterpret_cast<sockaddr*>(&address), &address_size);
        if (listens != 0 && address.sin_family == AF_INET) return ntohs(address.sin_port);
    }
    return 0;
}

}  // namespace

IngestWorld::IngestWorld() : IngestWorld(Options{}) {}

IngestWorld::IngestWorld(Options options)
    : directory_({{.name = "main", .site_id = "site", .takes_app_calls = true},
                  {.name = "hooks", .site_id = "", .request = Operation::request},
                  {.name = "once", .site_id = "", .request = Operation::request_once}}) {
    wal::LogOptions log_options;
    log_options.directory = dir_.path("wal");
    log_options.on_commit = [this](wal::Commit commit) {
        boost::asio::post(io, [this, commit = std::move(commit)] { server->on_commit(commit); });
    };
    log_options.note = [](const std::string&) {};
    log_options.wall_now = wall_now;
    log_options.open_batch_bytes_max = options.open_batch_bytes_max;
    log_options.min_free = options.min_free;
    log_options.ballast = false;
    log_options.write_here_max = {};  // a test may hold the disk
    log_options.look_at_disk = [this]() -> Result<wal::DiskUse> {
        return wal::DiskUse{.used = 0, .free = free_bytes, .capacity = std::uint64_t{1} << 40U};
    };
    log_options.reopen_min = 1ms;
    log_options.reopen_max = 1ms;
    log_options.env = disk.env();
    Result<std::unique_ptr<wal::Log>> opened = wal::Log::open(std::move(log_options));
    log = std::move(*opened);
    for (const char* name : {"main", "hooks", "once"}) log->add_destination(name);
    server = std::make_unique<IngestServer>(
        io.get_executor(), *log, directory_, UlidFactory(1), options.limits);
    EXPECT_TRUE(server->listen_unix(socket(), 0600));
}

IngestWorld::~IngestWorld() {
    disk.mend();
    disk.release();
    log->close();
    server.reset();
}

App& IngestWorld::connect() {
    return apps_.emplace_back(App::on_unix(socket()));
}

App& IngestWorld::connect_tcp() {
    EXPECT_TRUE(server->listen_tcp({boost::asio::ip::address_v4::loopback(), 0}));
    return apps_.emplace_back(App::on_tcp(listening_port()));
}

std::vector<App*> IngestWorld::connect_elsewhere(std::size_t count) {
    std::vector<App*> connected;
    for (App& app : App::elsewhere_on_unix(socket(), count)) {
        connected.push_back(&apps_.emplace_back(std::move(app)));
    }
    return connected;
}

bool IngestWorld::step() {
    io.restart();  // it may have had nothing to wait for
    bool moved = io.poll() > 0;
    for (App& app : apps_) moved = app.pump() || moved;
    return moved;
}

bool IngestWorld::until(const std::function<bool()>& is_so) {
    const Instant deadline = now() + kPatience;
    for (;;) {
        const bool moved = step();
        if (is_so()) return true;
        if (now() > deadline) return false;
        if (!moved) io.run_one_for(1ms);
    }
}

void IngestWorld::run_for(Duration time) {
    const Instant end = now() + time;
    while (now() < end) {
        if (!step()) io.run_one_for(1ms);
    }
}

void IngestWorld::settle() {
    for (int quiet = 0; quiet < 20; ++quiet) {
        if (step() || io.run_one_for(1ms) > 0) quiet = 0;
    }
}

}  // namespace holdfast::agent
