#include "wal/table_files.hpp"

#include "proto/bytes.hpp"
#include "wal/rocks_types.hpp"

#include <utility>

namespace holdfast::wal {
namespace {

using rocksdb::FSRandomAccessFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::uint64_t kTableMagic = 0x88e241b785f4cff7;  // of block-based tables
constexpr std::uint32_t kFormat = 5;
constexpr std::size_t kFormatAt = 41;      // in the footer, behind two places of blocks
constexpr std::size_t kTrailerBytes = 5;   // of a block: compression and checksum
constexpr std::size_t kRestartsBytes = 4;  // at the end of a block: how many there are

class TableFile : public rocksdb::FSRandomAccessFileOwnerWrapper {
public:
    TableFile(std::unique_ptr<FSRandomAccessFile> file, std::uint64_t masked)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), masked_(masked) {}

    IOStatus Read(std::uint64_t offset,
                  std::size_t size,
                  const IOOptions& options,
                  Slice* result,
                  char* scratch,
                  IODebugContext* debug) const override {
        IOStatus read =
            FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, debug);
        const bool is_in_scratch = result->data() == scratch;
        if (read.ok() && is_in_scratch && masked_ >= offset && masked_ - offset < result->size()) {
            char& byte = scratch[masked_ - offset];
            byte = static_cast<char>(static_cast<unsigned char>(byte) & 0x7fU);
        }
        return read;
    }

private:
    const std::uint64_t masked_;  // where the byte is whose highest bit is never set
};

std::optional<std::uint64_t> find_end_of_properties(rocksdb::FileSystem& files,
                                                    const std::string& path,
                                                    const FSRandomAccessFile& table) {
    std::uint64_t size = 0;
    if (!files.GetFileSize(path, {}, &size, nullptr).ok() || size < kTableFooterBytes) return {};
    char bytes[kTableFooterBytes];
    Slice footer;
    const IOStatus read =
        table.Read(size - kTableFooterBytes, kTableFooterBytes, {}, &footer, bytes, nullptr);
    if (!read.ok()) return {};
    return end_of_properties(view(footer), size);
}

}  // namespace

std::optional<std::uint64_t> end_of_properties(std::string_view footer, std::uint64_t size) {
    if (footer.size() != kTableFooterBytes || size < kTableFooterBytes) return {};
    ByteReader end(footer.substr(kFormatAt));
    const auto format = end.le<std::uint32_t>();
    const auto magic = end.le<std::uint64_t>();
    if (format != kFormat || magic != kTableMagic) return {};
    ByteReader places(footer.substr(1));  // behind the kind of checksum
    const std::uint64_t offset = places.varint();
    const std::uint64_t length = places.varint();
    const std::uint64_t before_footer = size - kTableFooterBytes;
    // Compared like this since what is read may be anything.
    if (!places.ok() || offset > before_footer || length > before_footer - offset) return {};
    if (before_footer - offset - length != kTrailerBytes) return {};
    if (offset < kTrailerBytes + kRestartsBytes) return {};
    return offset - kTrailerBytes - 1;
}

TableFiles::TableFiles(const std::shared_ptr<rocksdb::FileSystem>& target)
    : FileSystemWrapper(target) {}

IOStatus TableFiles::NewRandomAccessFile(const std::string& path,
                                         const rocksdb::FileOptions& options,
                                         std::unique_ptr<FSRandomAccessFile>* result,
                                         IODebugContext* debug) {
    IOStatus opened = target()->NewRandomAccessFile(path, options, result, debug);
    if (!opened.ok() || !path.ends_with(".sst")) return opened;
    if (const auto masked = find_end_of_properties(*target(), path, **result)) {
        *result = std::make_unique<TableFile>(std::move(*result), *masked);
    }
    return opened;
}

}  // namespace holdfast::wal
