// Asks the agent, over HTTP/1.1 on its admin socket.
//
// Runs on: any thread; each call blocks until the answer is here or the time is over.
// Limits: an answer of at most kAnswerBytesMax.
// Errors: unavailable, when nobody answers, in time and in HTTP. Every status is an answer.
#pragma once

#include "proto/result.hpp"
#include "proto/time.hpp"

#include <string>
#include <utility>

namespace holdfast::cli {

inline constexpr std::size_t kAnswerBytesMax = std::size_t{64} << 20;
inline constexpr std::size_t kSocketPathBytesMax = 107;  // sun_path of unix(7), with its NUL

struct Answer {
    unsigned status = 0;
    std::string body;
};

class Client {
public:
    // `socket` is 1 to kSocketPathBytesMax bytes long. `timeout` is for a whole call.
    Client(std::string socket, Duration timeout) : socket_(std::move(socket)), timeout_(timeout) {}

    [[nodiscard]] Result<Answer> get(const std::string& target) const;
    [[nodiscard]] Result<Answer> post(const std::string& target, std::string json) const;

private:
    std::string socket_;
    Duration timeout_;
};

}  // namespace holdfast::cli
