// Says when files of a directory may have changed: one was written, or another was put in its
// place, in whatever way (also by a link that leads elsewhere now). Costs nothing while none does.
//
// Runs on: the executor it was given, one thread. Linux's inotify(7).
#pragma once

#include "proto/result.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <functional>
#include <string>

namespace holdfast::agent {

class FileWatch {
public:
    // `on_change` is called on the executor, perhaps without a change.
    FileWatch(const boost::asio::any_io_executor& executor, std::function<void()> on_change);

    // Watches the directory that the file is in. Errors: unavailable (the system has no more
    // watches, no such directory).
    [[nodiscard]] Result<void> add(const std::string& file);

    void stop();

private:
    void read();

    boost::asio::posix::stream_descriptor events_;
    std::function<void()> on_change_;
    std::array<char, 4096> buffer_{};  // of events, which are not looked at
};

}  // namespace holdfast::agent
