// The floor under every log: append, fdatasync, again.
#pragma once

#include "tests/bench/recorder.hpp"

#include <cstddef>
#include <string>

namespace holdfast::bench {

// Appends `batch` payloads with one write and syncs them, in a new file in `directory` that is
// removed when the window is over. Each payload counts as acknowledged. Returns when it was over.
Clock::time_point append_and_sync(const std::string& directory,
                                  std::size_t batch,
                                  Recorder& recorder);

}  // namespace holdfast::bench
