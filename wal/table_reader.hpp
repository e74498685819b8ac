// Reads what can be read of a table file that may be damaged.
#pragma once

#include <rocksdb/options.h>

#include <functional>
#include <string>
#include <string_view>

namespace holdfast::wal {

// Visits its pairs in order, also those behind damaged blocks. False: something was not readable.
[[nodiscard]] bool read_table(
    const rocksdb::Options& options,
    const std::string& path,
    const std::function<void(std::string_view key, std::string_view value)>& visit);

}  // namespace holdfast::wal
