#include "tests/unit/agent/process/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>

namespace holdfast::agent {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> all;
    for (std::string& text : texts) all.push_back(text.data());
    all.push_back(nullptr);
    return all;
}

constexpr int kFirstSocket = 3;

}  // namespace

bool wait_until(const std::function<bool()>& is_so) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    while (!is_so()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        ::poll(nullptr, 0, 1);
    }
    return true;
}

Child::Child(const Options& options) {
    std::vector<std::string> arguments = {options.program};
    arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
    std::vector<std::string> environment = options.environment;
    environment.emplace_back("ASAN_OPTIONS=detect_leaks=0");
    if (const char* const tsan = std::getenv("TSAN_OPTIONS")) {  // what is no race of ours
        environment.push_back(std::string("TSAN_OPTIONS=") + tsan);
    }
    if (!options.sockets.empty()) {
        environment.push_back("LISTEN_FDS=" + std::to_string(options.sockets.size()));
        environment.push_back("LISTEN_FDNAMES=" + options.socket_names);
        environment.push_back("LISTEN_PID=" + std::string(16, ' '));  // known to the child only
    }
    std::vector<char*> argv = pointers(arguments);
    std::vector<char*> envp = pointers(environment);
    std::array<int, 2> pipe{};
    if (::pipe2(pipe.data(), O_CLOEXEC) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
        ::dup2(pipe[1], STDOUT_FILENO);
        ::dup2(pipe[1], STDERR_FILENO);
        // Out of the way first: one of them may have another's number.
        std::vector<int> sockets;
        for (const int socket : options.sockets) {
            sockets.push_back(::fcntl(socket, F_DUPFD_CLOEXEC, 100));
        }
        for (std::size_t i = 0; i < sockets.size(); ++i) {
            ::dup2(sockets[i], kFirstSocket + static_cast<int>(i));
        }
        if (!sockets.empty()) {
            std::snprintf(environment.back().data() + std::string("LISTEN_PID=").size(),
                          16,
                          "%d",
                          ::getpid());
        }
        if (options.open_files) ::setrlimit(RLIMIT_NOFILE, &*options.open_files);
        if (options.user != 0 && (::setgid(options.user) != 0 || ::setuid(options.user) != 0)) {
            ::_exit(126);
        }
        ::execve(argv[0], argv.data(), envp.data());
        ::_exit(127);
    }
    ::close(pipe[1]);
    output_fd_ = pipe[0];
    ::fcntl(output_fd_, F_SETFL, O_NONBLOCK);
}

Child::~Child() {
    if (!has_ended()) {
        signal(SIGKILL);
        (void)exit_code();
    }
    ::close(output_fd_);
}

void Child::signal(int number) const {
    ::kill(pid_, number);
}

const std::string& Child::output() {
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t size = ::read(output_fd_, buffer.data(), buffer.size());
        if (size <= 0) return output_;
        output_.append(buffer.data(), static_cast<std::size_t>(size));
    }
}

bool Child::has_ended() {
    if (ended_) return true;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) != pid_) return false;
    ended_ = true;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return true;
}

int Child::exit_code() {
    return wait_until([this] { return has_ended(); }) ? code_ : -1000;
}

bool Child::says(const std::string& text) {
    (void)wait_until([&] { return has_ended() || output().find(text) != std::string::npos; });
    return output().find(text) != std::string::npos;
}

}  // namespace holdfast::agent
