#include "agent/journal.hpp"

#include "agent/clock.hpp"
#include "agent/text.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>

namespace holdfast::agent::journal {
namespace {

struct Level {
    int number;  // syslog's
    std::string_view name;
};

// What came from outside must not forge a line or steer a terminal.
void append_printable(std::string& out, std::string_view line) {
    for (const char c : line) {
        const auto byte = static_cast<unsigned char>(c);
        out.push_back(byte < 0x20 || byte == 0x7f ? ' ' : c);
    }
}

// The variable is inherited by whatever is started from a service, a terminal too: it holds for us
// when it names our stderr.
bool writes_to_journal() {
    const char* stream = std::getenv("JOURNAL_STREAM");

    struct stat status {};

    if (stream == nullptr || ::fstat(STDERR_FILENO, &status) != 0) return false;
    return fmt::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

void write_line(Level level, std::string_view line) {
    static const bool in_journal = writes_to_journal();
    std::string out;
    if (in_journal) {
        out.append("<").append(std::to_string(level.number)).append(">");
    } else {
        out.append(rfc3339(wall_now())).append(" ").append(level.name).append(" ");
    }
    append_printable(out, line);
    out.push_back('\n');
    // Where stderr is gone there is nobody left to tell.
    if (::write(STDERR_FILENO, out.data(), out.size()) < 0) return;
}

}  // namespace

void info(std::string_view line) {
    write_line({6, "info"}, line);
}

void warning(std::string_view line) {
    write_line({4, "warning"}, line);
}

void error(std::string_view line) {
    write_line({3, "error"}, line);
}

}  // namespace holdfast::agent::journal
