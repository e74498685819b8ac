#include "wal/prescan.hpp"

#include "proto/bytes.hpp"
#include "wal/crc32c.hpp"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace holdfast::wal {
namespace {

constexpr std::size_t kBlock = std::size_t{32} * 1024;
constexpr std::size_t kHeader = 7;
constexpr std::size_t kTypeAt = 6;

// Looking for the next valid record tries every byte; bounded in checksummed bytes, since a file
// may be all junk. After that only the beginnings of blocks are tried.
constexpr std::size_t kSearchBytesMax = std::size_t{64} << 20U;

// Of a batch: the number of its first record, 8; how many they are, 4.
constexpr std::size_t kBatchHeader = 12;
constexpr std::string_view kForegoingTag{"\3\21u", 3};  // RocksDB's log data, 17 bytes of it, ours
constexpr std::size_t kForegoingBytes = kForegoingTag.size() + 16;
constexpr std::string_view kOpeningTag{"\3\1o", 3};

enum class Part : std::uint8_t { whole = 1, first = 2, middle = 3, last = 4 };

struct Record {
    Part part{};
    std::string_view payload;
    std::size_t end = 0;
};

std::uint32_t unmasked(std::uint32_t masked) {
    const std::uint32_t rotated = masked - 0xa282ead8U;
    return (rotated >> 17U) | (rotated << 15U);
}

// The record that begins here, if its checksum is right.
std::optional<Record> record_at(std::string_view file, std::size_t at) {
    const std::size_t block_end = std::min(file.size(), (at / kBlock + 1) * kBlock);
    if (at + kHeader > block_end) return std::nullopt;
    const auto type = static_cast<std::uint8_t>(file[at + kTypeAt]);
    if (type < static_cast<std::uint8_t>(Part::whole) ||
        type > static_cast<std::uint8_t>(Part::last)) {
        return std::nullopt;
    }
    ByteReader reader(file.substr(at, kHeader));
    const auto masked = reader.le<std::uint32_t>();
    const std::size_t length = reader.le<std::uint16_t>();
    if (at + kHeader + length > block_end) return std::nullopt;
    const std::string_view summed = file.substr(at + kTypeAt, kHeader - kTypeAt + length);
    if (rocksdb::crc32c::Extend(0, summed.data(), summed.size()) != unmasked(masked)) {
        return std::nullopt;
    }
    return Record{Part{type}, file.substr(at + kHeader, length), at + kHeader + length};
}

class Scan {
public:
    Scan(std::string_view file, const VisitBatch& visit, std::uint64_t next_number)
        : file_(file), visit_(visit), next_number_(next_number) {}

    Prescan run() {
        std::size_t at = 0;
        while (at < file_.size()) {
            const std::size_t left = kBlock - at % kBlock;
            if (left < kHeader) {
                at += left;
            } else if (const auto record = record_at(file_, at)) {
                take(at, *record);
                at = record->end;
            } else if (is_zero_from(at)) {
                break;  // space that was reserved
            } else {
                batch_.reset();
                const std::size_t next = next_record(at + 1);
                damaged(at, next);
                at = next;
            }
        }
        if (batch_) {
            damaged(batch_->begin, file_.size());  // its end was never written
            if (undecided_) result_.found = LogBytes::rot;
        }
        return std::move(result_);
    }

private:
    struct Open {
        std::size_t begin;
        std::string bytes;
    };

    void take(std::size_t at, const Record& record) {
        const bool begins = record.part == Part::whole || record.part == Part::first;
        if (begins && batch_) damaged(batch_->begin, at);
        if (begins) judge(record);
        if (record.part == Part::whole) {
            emit(at, record.payload);
        } else if (record.part == Part::first) {
            batch_ = Open{at, std::string(record.payload)};
        } else if (!batch_) {
            damaged(at, record.end);
        } else {
            batch_->bytes.append(record.payload);
            if (record.part == Part::last) {
                const Open whole = std::move(*batch_);
                batch_.reset();
                emit(whole.begin, whole.bytes);
            }
        }
    }

    // Only the beginning of a batch proves that an earlier one was complete: the pieces of one that
    // was being written at a power cut reach the disk in any order.
    void judge(const Record& record) {
        const bool is_cut =
            record.part == Part::first && record.payload.size() < kBatchHeader + kForegoingBytes;
        undecided_ = is_cut && !result_.damage.empty();
        if (undecided_ || result_.damage.empty()) return;
        if (LoggedBatch{0, record.payload}.proves_rot(next_number_)) result_.found = LogBytes::rot;
    }

    void emit(std::size_t at, std::string_view bytes) {
        ++result_.batches;
        const LoggedBatch batch{at, bytes, !result_.damage.empty()};
        if (std::exchange(undecided_, false) && batch.proves_rot(next_number_)) {
            result_.found = LogBytes::rot;
        }
        if (!batch.after_damage && bytes.size() >= kBatchHeader) {
            next_number_ = batch.number() + batch.count();
        }
        if (visit_) visit_(batch);
    }

    void damaged(std::size_t begin, std::size_t end) {
        batch_.reset();
        if (result_.found == LogBytes::clean) result_.found = LogBytes::torn;
        if (!result_.damage.empty() && result_.damage.back().end >= begin) {
            result_.damage.back().end = std::max(result_.damage.back().end, std::uint64_t{end});
        } else {
            result_.damage.push_back({begin, end});
        }
    }

    [[nodiscard]] bool is_zero_from(std::size_t at) const {
        return file_.find_first_not_of('\0', at) == std::string_view::npos;
    }

    std::size_t next_record(std::size_t at) {
        for (; at < file_.size(); ++at) {
            const bool begins_block = at % kBlock == 0;
            if (!begins_block && searched_ > kSearchBytesMax) {
                at = (at / kBlock + 1) * kBlock - 1;
                continue;
            }
            if (at + kTypeAt < file_.size() && file_[at + kTypeAt] != 0) {
                searched_ += static_cast<std::uint8_t>(file_[at + kTypeAt]) <= 4 ? kBlock / 4 : 0;
                if (record_at(file_, at)) return at;
            }
        }
        return file_.size();
    }

    const std::string_view file_;
    const VisitBatch& visit_;
    std::uint64_t next_number_;  // of the record behind the last that was read before any damage
    bool undecided_ = false;     // the first piece of batch_ is too short to tell what it proves
    Prescan result_;
    std::optional<Open> batch_;  // its first piece was read, its last not yet
    std::size_t searched_ = 0;
};

}  // namespace

std::string after(const Foregoing& foregoing, std::string_view batch) {
    std::string bytes(batch.substr(0, kBatchHeader));
    bytes += kForegoingTag;
    put_le(bytes, foregoing.synced_to);
    put_le(bytes, foregoing.head.value);
    bytes += batch.substr(kBatchHeader);
    return bytes;
}

std::string first_of_opening(std::string_view batch) {
    std::string bytes(batch.substr(0, kBatchHeader));
    bytes += kOpeningTag;
    bytes += batch.substr(kBatchHeader);
    return bytes;
}

std::uint64_t LoggedBatch::number() const {
    ByteReader reader(bytes);
    return reader.le<std::uint64_t>();
}

std::uint32_t LoggedBatch::count() const {
    ByteReader reader(bytes.substr(std::min(bytes.size(), sizeof(std::uint64_t))));
    return reader.le<std::uint32_t>();
}

std::optional<Foregoing> LoggedBatch::foregoing() const {
    if (bytes.size() < kBatchHeader + kForegoingBytes) return std::nullopt;
    const std::string_view first = bytes.substr(kBatchHeader);
    if (!first.starts_with(kForegoingTag)) return std::nullopt;
    ByteReader reader(first.substr(kForegoingTag.size()));
    const auto synced_to = reader.le<std::uint64_t>();
    return Foregoing{synced_to, {reader.le<std::uint64_t>()}};
}

bool LoggedBatch::is_first_of_opening() const {
    return bytes.size() > kBatchHeader && bytes.substr(kBatchHeader).starts_with(kOpeningTag);
}

bool LoggedBatch::proves_rot(std::uint64_t next_number) const {
    const std::optional<Foregoing> before = foregoing();
    return !before || before->synced_to >= next_number;
}

bool begins_with_record(std::string_view file) {
    return record_at(file, 0).has_value();
}

Prescan prescan(std::string_view file, const VisitBatch& visit, std::uint64_t next_number) {
    return Scan(file, visit, next_number).run();
}

}  // namespace holdfast::wal
