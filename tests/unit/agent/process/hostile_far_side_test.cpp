// The agent with two destinations: one far side does everything that a far side must not, the other
// is well and must not notice.
#include "agent/client/holdfast/client.hpp"
#include "proto/time.hpp"
#include "tests/unit/agent/process/child.hpp"
#include "tests/unit/agent/temp_dir.hpp"
#include "tests/unit/transport/io/far_side.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <numeric>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;
namespace far = transport::testing;
using namespace std::chrono_literals;
using far::Peer;
using Task = asio::awaitable<void>;

constexpr int kPeople = 4;
constexpr int kEventsEach = 25;
constexpr std::size_t kEventsOfHostile = std::size_t{kPeople} * kEventsEach;
constexpr std::size_t kMiB = std::size_t{1} << 20;

// What a far side was sent; written by its thread, read by the test's.
class Record {
public:
    void read(const std::string& request) {
        const std::lock_guard lock(mutex_);
        const auto [person, event] = of(request);
        read_[person].push_back(event);
    }

    void accepted(const std::string& request) {
        const std::lock_guard lock(mutex_);
        accepted_.insert(of(request));
    }

    [[nodiscard]] std::size_t count() const {
        const std::lock_guard lock(mutex_);
        return accepted_.size();
    }

    // Of each person, the events as they came; the repeats of one are one.
    [[nodiscard]] std::map<std::string, std::vector<int>> in_order() const {
        const std::lock_guard lock(mutex_);
        auto all = read_;
        for (auto& [person, events] : all) {
            events.erase(std::unique(events.begin(), events.end()), events.end());
        }
        return all;
    }

private:
    static std::pair<std::string, int> of(const std::string& request) {
        const std::string before = "/customers/";
        const std::size_t at = request.find(before) + before.size();
        const auto body = nlohmann::json::parse(request.substr(request.find("\r\n\r\n") + 4));
        return {request.substr(at, request.find('/', at) - at), body["data"]["i"].get<int>()};
    }

    mutable std::mutex mutex_;
    std::map<std::string, std::vector<int>> read_;
    std::set<std::pair<std::string, int>> accepted_;
};

far::FarSide::Script well(Record& record) {
    return [&record](Peer& peer) -> Task {
        for (;;) {
            const std::string request = co_await peer.read_request();
            if (request.empty()) co_return;
            record.read(request);
            record.accepted(request);
            (void)co_await peer.write(far::ok());
        }
    };
}

// ---- The ways to misbehave. Each has one connection, before its handshake. ----

using Way = far::FarSide::Script;

// Past the TLS session.
void write_raw(Peer& peer, const std::string& bytes) {
    boost::system::error_code ignored;
    asio::write(peer.socket(), asio::buffer(bytes), ignored);
}

Way instead_of_shaking_hands(std::string bytes) {
    return [bytes = std::move(bytes)](Peer& peer) -> Task {
        write_raw(peer, bytes);
        co_await far::pause(1ms);
    };
}

Way as_another(const far::Identity& identity) {
    return [identity](Peer& peer) -> Task {
        SSL_use_certificate(peer.native(), identity.certificate.get());
        SSL_use_PrivateKey(peer.native(), identity.key.get());
        if (co_await peer.shake_hands()) co_await peer.read_until_end();
    };
}

enum class Then { leaves, cuts, resets, hangs };

Task end(Peer& peer, Then then) {
    if (then == Then::leaves) co_await peer.close();
    if (then == Then::cuts) peer.cut();
    if (then == Then::resets) peer.reset();
    if (then == Then::hangs) co_await peer.read_until_end();
}

Way answer(Record& record, std::string bytes, Then then = Then::hangs, bool accepts = false) {
    return [&record, bytes = std::move(bytes), then, accepts](Peer& peer) -> Task {
        if (!co_await peer.shake_hands()) co_return;
        const std::string request = co_await peer.read_request();
        if (request.empty()) co_return;
        record.read(request);
        if (accepts) record.accepted(request);
        (void)co_await peer.write(bytes);
        co_await end(peer, then);
    };
}

Way accept_and(Record& record, std::string bytes, Then then) {
    return answer(record, std::move(bytes), then, true);
}

Way flood(Record& record, std::string head, std::string piece) {
    return [&record, head = std::move(head), piece = std::move(piece)](Peer& peer) -> Task {
        if (!co_await peer.shake_hands()) co_return;
        const std::string request = co_await peer.read_request();
        if (request.empty()) co_return;
        record.read(request);
        bool open = co_await peer.write(head);
        for (std::size_t left = 1024 * kMiB; open && left > 0;
             left -= std::min(left, piece.size())) {
            open = co_await peer.write(piece);
        }
    };
}

Way drip(Record& record) {
    return [&record](Peer& peer) -> Task {
        if (!co_await peer.shake_hands()) co_return;
        const std::string request = co_await peer.read_request();
        if (request.empty()) co_return;
        record.read(request);
        bool open = true;
        for (std::size_t i = 0; open && i < 5; ++i) {
            open = co_await peer.write(std::string(1, far::ok()[i]));
            co_await far::pause(1s);
        }
    };
}

Way reset_at_once() {
    return [](Peer& peer) -> Task {
        peer.reset();
        co_return;
    };
}

Way hang_at_once() {
    return [](Peer&) -> Task { co_await far::pause(1h); };
}

Way reset_after_the_handshake() {
    return [](Peer& peer) -> Task {
        if (co_await peer.shake_hands()) peer.reset();
    };
}

std::vector<Way> in_the_handshake(const far::Identity& authority) {
    const std::string names = "DNS:localhost,IP:127.0.0.1";
    return {
        reset_at_once(),
        hang_at_once(),
        reset_after_the_handshake(),
        instead_of_shaking_hands(""),
        instead_of_shaking_hands("SSH-2.0-OpenSSH_9.2\r\n"),
        instead_of_shaking_hands(far::ok()),
        as_another(far::make_identity({.alternative_names = names})),
        as_another(far::make_identity({.alternative_names = "DNS:other.test"}, &authority)),
        as_another(
            far::make_identity({.alternative_names = names, .valid_to_days = -1}, &authority)),
    };
}

std::vector<Way> in_the_answer(Record& record) {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const std::string half = head + "Content-Length: 10\r\n\r\nhalf";
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string empty = "\r\nContent-Length: 0\r\n\r\n";
    const std::string much(std::size_t{16} * 1024, 'x');
    return {
        answer(record, ""),
        answer(record, "", Then::leaves),
        answer(record, "", Then::resets),
        answer(record, half),
        answer(record, half, Then::cuts),
        answer(record, half, Then::resets),
        answer(record, head + "\r\nhalf", Then::cuts),
        answer(record, chunked + "5\r\nhalf", Then::leaves),
        answer(record, head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
        answer(record, head + "Transfer-Encoding: x\r\nContent-Length: 2\r\n\r\n{}"),
        answer(record, head + "Content-Length: 1099511627776\r\n\r\n"),
        answer(record, chunked + "FFFFFFFFFFFFFFFFF\r\n"),
        answer(record, "HTTP/1.1 101 Switching Protocols\r\n\r\n"),
        answer(record, "HTTP/1.1 099 X" + empty),
        answer(record, "HTTP/1.1 600 X" + empty),
        answer(record, "HTTP/1.1 1000 X" + empty),
        answer(record, "<html>hello</html>", Then::leaves),
        answer(record, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        answer(record, head + std::string("X: a\0b", 6) + empty),
        answer(record, "HTTP/1.1 307 Temporary Redirect\r\nLocation: /" + empty),
        answer(record, "HTTP/1.1 503 No\r\nRetry-After: 0" + empty),
        answer(record, "HTTP/1.1 503 No\r\nRetry-After: soon" + empty),
        answer(record, "HTTP/1.1 429 No\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT" + empty),
        flood(record, head + "X: ", much),
        flood(record, "", "HTTP/1.1 100 Continue\r\n\r\n"),
        flood(record, head + "\r\n", much),
        flood(record, chunked + "1;", much),
        flood(record, chunked, "1;" + much.substr(1000) + "\r\nx\r\n"),
        flood(record, chunked + "0\r\nX: ", much),
        drip(record),
        accept_and(record, far::ok(), Then::resets),
        accept_and(record, far::ok() + "HTTP/1.1 400 Planted" + empty, Then::hangs),
        accept_and(record,
                   head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
                   Then::cuts),
    };
}

// ---- The agent between an app and the two. ----

class HostileFarSide : public testing::Test {
protected:
    HostileFarSide() {
        const auto more = in_the_answer(hostile_record_);
        ways_.insert(ways_.end(), more.begin(), more.end());
    }

    ~HostileFarSide() override {
        io_.stop();
        thread_.join();
    }

    [[nodiscard]] Task be_hostile(Peer& peer) {
        if (is_hostile_) {
            ++played_;
            const auto way = static_cast<std::size_t>(peer.number()) % ways_.size();
            co_await ways_[way](peer);
        } else if (co_await peer.shake_hands()) {
            const far::FarSide::Script script = well(hostile_record_);
            co_await script(peer);
        }
    }

    [[nodiscard]] std::string destination(const std::string& name, const std::string& url) const {
        return "[[destination]]\nname = \"" + name + "\"\ntype = \"customerio\"\nsite_id = \"" +
               name + "\"\napi_key_file = \"" + dir_.path("key") + "\"\ntrack_url = \"" + url +
               "\"\n";
    }

    [[nodiscard]] Child::Options agent() const {
        dir_.write("key", "secret\n");
        const std::string port = std::to_string(hostile_.port());
        const std::string quick =
            "ca_file = \"" + dir_.write("ca.pem", authority_.certificate_pem()) +
            "\"\ntrack_rate = 1000\nbackoff_base = \"10ms\"\nbackoff_cap = \"20ms\"\n"
            "breaker_open = \"10ms\"\nbreaker_open_cap = \"20ms\"\n"
            "connect_timeout = \"100ms\"\nanswer_timeout = \"100ms\"\n";
        const std::string config = dir_.write(
            "config.toml",
            "[ingest]\nsocket = \"" + dir_.path("ingest.sock") + "\"\n[admin]\nsocket = \"" +
                dir_.path("admin.sock") + "\"\n[wal]\ndirectory = \"" + dir_.path("log") +
                "\"\n[agent]\ndrain_timeout = \"300ms\"\n" +
                destination("hostile", "https://127.0.0.1:" + port) + quick +
                destination("well", "http://127.0.0.1:" + std::to_string(well_.port())));
        // What the sanitizer keeps of freed memory is not the agent's.
        return {.arguments = {"--config", config},
                .environment = {"ASAN_OPTIONS=detect_leaks=0:quarantine_size_mb=1"}};
    }

    [[nodiscard]] nlohmann::json status() const {
        App app = App::on_unix(dir_.path("admin.sock"));
        app.send(request("GET", "/v1/status"));
        EXPECT_TRUE(wait_until([&] {
            app.pump();
            return !app.answers().empty() || app.ended();
        }));
        return nlohmann::json::parse(app.answers().at(0).body);
    }

    // The i-th event of a person.
    void send(const std::string& destination, int person, int i) {
        const std::string target = "/api/v1/customers/" + std::to_string(person) + "/events";
        const std::string body = R"({"name":"step","data":{"i":)" + std::to_string(i) + "}}";
        client::Event event;
        event.target = target;
        event.body = body;
        event.destination = destination;
        const auto receipt = client_.send(event);
        ASSERT_TRUE(receipt) << receipt.error().message;
    }

    // Sends one more to the far side that is well, and waits for it.
    [[nodiscard]] Duration time_to_the_one_that_is_well() {
        const auto start = std::chrono::steady_clock::now();
        const int sent = sent_to_well_++;
        send("well", sent % kPeople, sent / kPeople);
        EXPECT_TRUE(wait_until([&] { return std::cmp_greater(well_record_.count(), sent); }));
        return std::chrono::steady_clock::now() - start;
    }

    static std::size_t peak_bytes_of(const Child& child) {
        std::ifstream in("/proc/" + std::to_string(child.pid()) + "/status");
        std::string word;
        while (in >> word && word != "VmHWM:") {
        }
        std::size_t kib = 0;
        in >> kib;
        return kib * 1024;
    }

    TempDir dir_;
    Record hostile_record_;
    Record well_record_;
    const far::Identity authority_ =
        far::make_identity({.common_name = "Test CA", .is_authority = true});
    std::vector<Way> ways_ = in_the_handshake(authority_);
    std::atomic<bool> is_hostile_ = true;
    std::atomic<std::size_t> played_ = 0;
    int sent_to_well_ = 0;
    client::Client client_{dir_.path("ingest.sock")};

private:
    asio::io_context io_{1};
    const std::unique_ptr<asio::ssl::context> tls_ =
        far::server_context(far::make_identity({.alternative_names = "IP:127.0.0.1"}, &authority_));

protected:
    far::FarSide hostile_{io_, tls_.get(), [this](Peer& peer) { return be_hostile(peer); }, false};
    far::FarSide well_{io_, nullptr, well(well_record_)};

private:
    std::thread thread_{[this] { io_.run(); }};
};

TEST_F(HostileFarSide, DisturbsNobodyCostsNoMemoryAndLosesNothing) {
    Child child(agent());
    ASSERT_TRUE(child.says("ready")) << child.output();
    const std::size_t before = peak_bytes_of(child);
    for (int i = 0; i < kEventsEach; ++i) {
        for (int person = 0; person < kPeople; ++person) send("hostile", person, i);
    }
    Duration slowest{};
    while (played_ < 2 * ways_.size()) {
        slowest = std::max(slowest, time_to_the_one_that_is_well());
        ASSERT_LT(slowest, 3s);
    }
    EXPECT_LT(hostile_record_.count(), kEventsOfHostile) << "nothing was left to go wrong";
    EXPECT_LT(peak_bytes_of(child) - before, 64 * kMiB);

    is_hostile_ = false;
    ASSERT_TRUE(wait_until([&] { return status()["destinations"][0]["pending"] == 0; }));
    EXPECT_EQ(hostile_record_.count(), kEventsOfHostile);
    for (const Record* record : {&hostile_record_, &well_record_}) {
        for (const auto& [person, events] : record->in_order()) {
            std::vector<int> as_sent(events.size());
            std::iota(as_sent.begin(), as_sent.end(), 0);
            EXPECT_EQ(events, as_sent) << person;
        }
    }
    const nlohmann::json destinations = status()["destinations"];
    EXPECT_EQ(destinations[0]["failed"], 0);
    EXPECT_EQ(destinations[1]["failed"], 0);
}

}  // namespace
}  // namespace holdfast::agent
