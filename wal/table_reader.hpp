// Reads what can be read of a table file that may be damaged.
#pragma once

#include <rocksdb/options.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace holdfast::wal {

enum class TableRead : std::uint8_t {
    whole,
    without_some_entries,  // what is missing lies between two entries
    without_some_marks,    // what is missing may be anything
};

// Visits its pairs in order, also those behind damaged blocks.
[[nodiscard]] TableRead read_table(
    const rocksdb::Options& options,
    const std::string& path,
    const std::function<void(std::string_view key, std::string_view value)>& visit);

}  // namespace holdfast::wal
