// Group commit on a bare RocksDB: what is left of the write path without sockets and parsing.
#pragma once

#include "tests/bench/recorder.hpp"

#include <cstddef>
#include <string>

namespace holdfast::bench {

// A committer thread takes whatever is queued as one synced write and hands the acknowledgements
// back. The calling thread plays `writers` producers, each with one payload under way, as an event
// loop would. `directory` must not hold a database yet. Returns when the window was over.
Clock::time_point commit_in_groups(const std::string& directory,
                                   std::size_t writers,
                                   Recorder& recorder);

}  // namespace holdfast::bench
