// `holdfast send`: events to the agent's ingest socket, in native frames.
#pragma once

#include "agent/cli/send_line.hpp"
#include "agent/cli/send_report.hpp"

#include <cstdint>
#include <deque>
#include <iosfwd>
#include <string>

namespace holdfast::cli {

struct SendOptions {
    std::string socket;
    std::string destination;  // of what names none itself
    std::string key;          // of many events: the beginning of theirs
    // One event.
    std::string method;
    std::string target;
    std::string body;  // "-" is stdin, "@…" a file
    // Many: a file, or "-".
    std::string from;
    std::uint64_t after = 0;  // lines that are left out
    bool go_on = false;       // after a refused line
};

// Each function returns an ExitCode.
class Send {
public:
    Send(const SendOptions& options, const Surroundings& around, bool json);

    [[nodiscard]] int one();
    [[nodiscard]] int many();

private:
    struct Waiting {
        std::uint64_t line;
        bool has_key;
    };

    [[nodiscard]] int misused(const std::string& what) const;
    [[nodiscard]] int all_of(std::istream& in);
    void submit(const std::string& text);
    void refuse(bool has_key, client::Error error);
    void receive_one();
    void receive_all();
    [[nodiscard]] bool should_stop() const;

    const SendOptions& options_;
    const Surroundings& around_;
    const bool json_;
    client::Client client_;
    SendReport report_;
    std::uint64_t line_ = 0;  // that was read last
    std::deque<Waiting> waiting_;
};

}  // namespace holdfast::cli
