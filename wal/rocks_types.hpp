// RocksDB's texts and errors as ours.
#pragma once

#include "proto/result.hpp"

#include <rocksdb/slice.h>
#include <rocksdb/status.h>

#include <string>
#include <string_view>

namespace holdfast::wal {

inline rocksdb::Slice slice(std::string_view text) {
    return {text.data(), text.size()};
}

inline std::string_view view(const rocksdb::Slice& text) {
    return {text.data(), text.size()};
}

// Incomplete is what no_slowdown says instead of waiting.
inline Error error_of(const rocksdb::Status& status, std::string_view doing) {
    Errc code = Errc::storage_failed;
    if (status.IsIncomplete()) code = Errc::overloaded;
    if (status.IsCorruption()) code = Errc::corrupt;
    if (status.IsNoSpace()) code = Errc::disk_full;
    return Error{code, std::string(doing) + ": " + status.ToString()};
}

// Of an opening, in a directory that is there: what is missing is one of its files.
inline Error error_of_opening(const rocksdb::Status& status, std::string_view doing) {
    Error error = error_of(status, doing);
    if (status.IsPathNotFound() || status.IsNotFound()) error.code = Errc::corrupt;
    return error;
}

}  // namespace holdfast::wal
