#include "wal/table_files.hpp"

#include "proto/assert.hpp"
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

// Where the byte is, if that is a table that is whole as far as that goes.
IOStatus find(rocksdb::FileSystem& files,
              const std::string& path,
              const FSRandomAccessFile& table,
              std::optional<std::uint64_t>& masked) {
    std::uint64_t size = 0;
    if (IOStatus asked = files.GetFileSize(path, {}, &size, nullptr); !asked.ok()) return asked;
    if (size < kTableFooterBytes) return IOStatus::OK();
    char bytes[kTableFooterBytes];
    Slice footer;
    IOStatus read =
        table.Read(size - kTableFooterBytes, kTableFooterBytes, {}, &footer, bytes, nullptr);
    if (read.ok()) masked = last_byte_of_properties(view(footer), size);
    return read;
}

}  // namespace

std::optional<std::uint64_t> last_byte_of_properties(std::string_view footer, std::uint64_t size) {
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
    HOLDFAST_ASSERT(!options.use_direct_reads && !options.use_mmap_reads);  // TableFile's Read
    IOStatus opened = target()->NewRandomAccessFile(path, options, result, debug);
    if (!opened.ok() || !path.ends_with(".sst")) return opened;
    std::optional<std::uint64_t> masked;
    IOStatus found = find(*target(), path, **result, masked);
    if (!found.ok()) {
        result->reset();
        return found;
    }
    if (masked) *result = std::make_unique<TableFile>(std::move(*result), *masked);
    return opened;
}

}  // namespace holdfast::wal
