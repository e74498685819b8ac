// An agent whose every byte is up to the test. Serves on a thread of its own.
#pragma once

#include "proto/frame.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <atomic>
#include <functional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace holdfast::client {

// The agent's end of one connection. What does not move for 10 s fails the test.
class Peer {
public:
    // Owned texts, unlike frame::Event.
    struct Seen {
        std::string target;
        std::string body;
        std::string destination;
        std::string key;
        holdfast::Method method = {};
        bool begins_frame = false;
    };

    explicit Peer(int fd) : fd_(fd) {}

    ~Peer() { close(); }

    Peer(const Peer&) = delete;
    Peer& operator=(const Peer&) = delete;

    // Waits for the next so many events.
    [[nodiscard]] std::vector<Seen> take(std::size_t count);

    void send(std::string_view bytes) const;
    void end_sending() const;
    [[nodiscard]] bool waits_for_end() const;  // true when the client closes
    void close();

private:
    int fd_;
    std::string in_;
    std::vector<Seen> ready_;
};

class FakeAgent {
public:
    // The n-th connection is the n-th script's, one after the other.
    using Script = std::function<void(Peer&)>;

    explicit FakeAgent(std::vector<Script> scripts);
    ~FakeAgent();  // waits for the scripts
    FakeAgent(const FakeAgent&) = delete;
    FakeAgent& operator=(const FakeAgent&) = delete;

    [[nodiscard]] std::string path() const { return dir_.path("ingest.sock"); }

private:
    void serve();

    TempDir dir_;
    std::vector<Script> scripts_;
    int listener_;
    std::thread thread_;
};

[[nodiscard]] frame::Answer stored(std::uint64_t seq);
[[nodiscard]] frame::Answer refused(std::uint16_t status, std::string_view body);
[[nodiscard]] std::string frame_of(const std::vector<frame::Answer>& answers,
                                   frame::Type type = frame::Type::answers);

}  // namespace holdfast::client
