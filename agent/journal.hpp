// Lines for the operator, on stderr, where systemd's journal reads them: the level as <n> when
// stderr is the journal, UTC time and level as words elsewhere. Never a payload, a credential or a
// whole URL.
//
// Threads: any; a line is one write.
#pragma once

#include <string_view>

namespace holdfast::agent::journal {

void info(std::string_view line);
void warning(std::string_view line);
void error(std::string_view line);

}  // namespace holdfast::agent::journal
