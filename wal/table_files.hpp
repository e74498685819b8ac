// RocksDB's tables, so that one bit that went bad does not abort the process. 7.8.3 reads the block
// of a table's properties before it compares the checksum of it, and takes a block whose highest
// bit is set for one with a hash index. There is none here, and an assertion fails, in a build with
// assertions as Debian's (data_block_hash_index.cc), whoever opens the table. RocksDB never writes
// that bit. So it is read as unset, and the checksum, which comes then, tells of any other damage.
// To RocksDB this is a file system like any other; all else goes straight through.
//
// Threads: as any file system: all.
#pragma once

#include <rocksdb/file_system.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::wal {

inline constexpr std::size_t kTableFooterBytes = 53;

// Where the last byte of the block of properties is, of a table of `size` bytes that ends with
// `footer`. nullopt: that is not the end of a table as RocksDB's format 5 has it (table/format.cc,
// block_based_table_builder.cc: the properties, then the index of such blocks, then the footer).
[[nodiscard]] std::optional<std::uint64_t> last_byte_of_properties(std::string_view footer,
                                                                   std::uint64_t size);

class TableFiles : public rocksdb::FileSystemWrapper {
public:
    explicit TableFiles(const std::shared_ptr<rocksdb::FileSystem>& target);

    static const char* kClassName() { return "TableFiles"; }

    const char* Name() const override { return kClassName(); }

    rocksdb::IOStatus NewRandomAccessFile(const std::string& path,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                          rocksdb::IODebugContext* debug) override;
};

}  // namespace holdfast::wal
