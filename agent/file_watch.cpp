#include "agent/file_watch.hpp"

#include <boost/asio/buffer.hpp>
#include <sys/inotify.h>

#include <cerrno>
#include <filesystem>
#include <system_error>
#include <utility>

namespace holdfast::agent {
namespace {

constexpr std::uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_ATTRIB;

Error failure(const std::string& directory) {
    return {Errc::unavailable,
            directory + " cannot be watched: " + std::generic_category().message(errno)};
}

}  // namespace

FileWatch::FileWatch(const boost::asio::any_io_executor& executor, std::function<void()> on_change)
    : events_(executor), on_change_(std::move(on_change)) {}

Result<void> FileWatch::add(const std::string& file) {
    const std::string directory = std::filesystem::path(file).parent_path();
    if (!events_.is_open()) {
        const int descriptor = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
        if (descriptor < 0) return failure(directory);
        events_.assign(descriptor);
        read();
    }
    if (::inotify_add_watch(events_.native_handle(), directory.c_str(), kEvents) < 0) {
        return failure(directory);
    }
    return {};
}

void FileWatch::stop() {
    boost::system::error_code ignored;
    events_.close(ignored);
}

void FileWatch::read() {
    events_.async_read_some(boost::asio::buffer(buffer_),
                            [this](const boost::system::error_code& ec, std::size_t) {
                                if (ec) return;
                                on_change_();
                                if (events_.is_open()) read();
                            });
}

}  // namespace holdfast::agent
