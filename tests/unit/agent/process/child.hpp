// The program under test as a process of its own.
#pragma once

#include "tests/unit/agent/process/app.hpp"

#include <sys/resource.h>
#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::agent {

class Child {
public:
    struct Options {
        std::vector<std::string> arguments;
        std::vector<std::string> environment = {};  // "NAME=value"; no other but the sanitizers'
        // Passed on from 3 upwards as systemd does, with these names.
        std::vector<int> sockets = {};
        std::string socket_names = {};  // "a:b"
        std::optional<rlimit> open_files = {};
        std::string program = HOLDFASTD;
        uid_t user = 0;  // for root: who runs it, in a group of the same number; 0: nobody else
    };

    explicit Child(const Options& options);
    ~Child();  // kills it
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void signal(int number) const;

    [[nodiscard]] pid_t pid() const { return pid_; }

    // All that it wrote to stdout and stderr until now.
    [[nodiscard]] const std::string& output();

    [[nodiscard]] bool has_ended();

    // Waits for its end. Its exit code, or minus the signal.
    [[nodiscard]] int exit_code();

    [[nodiscard]] bool says(const std::string& text);  // waits until it does, or has ended

private:
    pid_t pid_;
    int output_fd_;
    std::string output_;
    bool ended_ = false;
    int code_ = 0;
};

// Looks every millisecond whether it is so. False when it takes too long.
[[nodiscard]] bool wait_until(const std::function<bool()>& is_so);

}  // namespace holdfast::agent
