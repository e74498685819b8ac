// Reads what can be read of a table file that may be damaged.
#pragma once

#include "proto/result.hpp"

#include <rocksdb/options.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::wal {

enum class TableRead : std::uint8_t {
    whole,
    without_some_entries,  // what is missing lies between two entries
    without_some_marks,    // what is missing may be anything, and may be all
};

// Visits its pairs in order, also those behind damaged blocks. What cannot be read, or is not
// there, is left out. Errors: storage_failed, where the file cannot be opened.
[[nodiscard]] Result<TableRead> read_table(
    const rocksdb::Options& options,
    const std::string& path,
    const std::function<void(std::string_view key, std::string_view value)>& visit);

// The value of one key, whatever is damaged elsewhere. nullopt: it is not there, or deleted there.
// Errors: corrupt, storage_failed.
[[nodiscard]] Result<std::optional<std::string>> find_in_table(const rocksdb::Options& options,
                                                               const std::string& path,
                                                               std::string_view key);

}  // namespace holdfast::wal
