// holdfastd: reads the configuration, runs the agent, and says by its exit code what went wrong.
#include "agent/config.hpp"
#include "agent/daemon.hpp"
#include "agent/journal.hpp"

#include <CLI/CLI.hpp>
#include <sys/stat.h>

#include <csignal>
#include <cstdio>
#include <string>

namespace {

using holdfast::Errc;
using holdfast::Error;

// sysexits.h; systemd/README.md lists them.
int exit_code(Errc code) {
    switch (code) {
        case Errc::bad_input:
        case Errc::bad_config:
        case Errc::too_new:
        case Errc::key_reused:
            return 78;
        case Errc::busy:
        case Errc::overloaded:
        case Errc::unavailable:
        case Errc::log_full:
        case Errc::disk_full:
            return 75;
        case Errc::not_found:
        case Errc::corrupt:
        case Errc::storage_failed:
            return 74;
    }
    return 70;
}

int fail(const Error& error) {
    // A configuration has a line for each mistake.
    std::size_t begin = 0;
    while (begin < error.detail.size()) {
        const std::size_t end = std::min(error.detail.find('\n', begin), error.detail.size());
        holdfast::agent::journal::error(error.detail.substr(begin, end - begin));
        begin = end + 1;
    }
    return exit_code(error.code);
}

int check(const std::string& file) {
    const auto config = holdfast::agent::load_config(file);
    if (!config) {
        std::fprintf(stderr, "%s\n", config.error().detail.c_str());
        return exit_code(config.error().code);
    }
    for (const std::string& warning : config->warnings) {
        std::fprintf(stderr, "warning: %s\n", warning.c_str());
    }
    std::printf("%s: ok\n", file.c_str());
    return 0;
}

int run(const std::string& file) {
    auto config = holdfast::agent::load_config(file);
    if (!config) return fail(config.error());
    // Writing to a connection that is gone, or past a file size limit, is an error value, not a
    // death.
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
    ::umask(0077);
    holdfast::agent::Daemon daemon(std::move(*config));
    if (const auto started = daemon.start(); !started) return fail(started.error());
    daemon.run();
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    CLI::App app("Takes events on a Unix socket, keeps them on the disk and delivers them.",
                 "holdfastd");
    std::string config_file = "/etc/holdfast/holdfast.toml";
    std::string check_file;
    app.add_option("--config", config_file, "configuration to run with")->capture_default_str();
    app.add_option("--check-config", check_file, "only say whether this configuration is right");
    app.set_version_flag("--version", "holdfastd " HOLDFAST_VERSION);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& wrong) {
        return app.exit(wrong) == 0 ? 0 : 64;
    }
    return check_file.empty() ? run(config_file) : check(check_file);
}
