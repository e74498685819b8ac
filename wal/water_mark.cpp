#include "wal/water_mark.hpp"

#include "proto/bytes.hpp"

#include <pthread.h>
#include <xxhash.h>

#include <utility>

namespace holdfast::wal {
namespace {

constexpr std::string_view kMagic = "HFMARK3\n";
constexpr std::string_view kMagic2 = "HFMARK2\n";  // with a last record, not to be relied on
constexpr std::string_view kMagic1 = "HFMARK1\n";  // without one
constexpr std::size_t kSlotBytes = 4096;
constexpr std::size_t kSlots = 2;

}  // namespace

std::string encode(const WaterMark& mark, std::uint64_t generation, std::uint64_t database) {
    std::string out(kMagic);
    put_le(out, generation);
    put_le(out, mark.acknowledged.value);
    put_le(out, mark.tail.value);
    put_le(out, static_cast<std::uint8_t>(mark.clean));
    put_le(out, mark.last_record);
    put_le(out, database);
    put_le(out, static_cast<std::uint64_t>(XXH3_64bits(out.data(), out.size())));
    return out;
}

std::optional<DecodedMark> decode_mark(std::string_view slot) {
    ByteReader reader(slot);
    const std::string_view magic = reader.take(kMagic.size());
    DecodedMark decoded{};
    decoded.generation = reader.le<std::uint64_t>();
    decoded.mark.acknowledged = {reader.le<std::uint64_t>()};
    decoded.mark.tail = {reader.le<std::uint64_t>()};
    decoded.mark.clean = reader.le<std::uint8_t>() != 0;
    if (magic == kMagic) {
        decoded.mark.last_record = reader.le<std::uint64_t>();
        decoded.database = reader.le<std::uint64_t>();
    }
    if (magic == kMagic2) (void)reader.take(2 * sizeof(std::uint64_t));
    const std::size_t used = slot.size() - reader.left();
    const auto checksum = reader.le<std::uint64_t>();
    const bool is_known = magic == kMagic || magic == kMagic2 || magic == kMagic1;
    if (!reader.ok() || !is_known) return std::nullopt;
    if (checksum != XXH3_64bits(slot.data(), used)) return std::nullopt;
    return decoded;
}

WaterMarkFile::WaterMarkFile(std::string directory, rocksdb::Env* env)
    : directory_(std::move(directory)), path_(directory_ + "/acknowledged"), files_(env) {}

Result<std::optional<WaterMark>> WaterMarkFile::read() {
    is_there_ = false;
    has_torn_slot_ = false;
    if (!files_.exists(path_)) return std::optional<WaterMark>();
    const Result<std::string> bytes = files_.read(path_);
    if (!bytes) return bytes.error();
    std::optional<DecodedMark> newest;
    for (std::size_t slot = 0; slot < kSlots && slot * kSlotBytes < bytes->size(); ++slot) {
        const std::string_view held =
            std::string_view(*bytes).substr(slot * kSlotBytes, kSlotBytes);
        const auto decoded = decode_mark(held);
        const bool is_empty = held.find_first_not_of('\0') == std::string_view::npos;
        has_torn_slot_ = has_torn_slot_ || (!decoded && !is_empty);
        if (decoded && (!newest || decoded->generation > newest->generation)) newest = decoded;
    }
    if (!newest) return Error{Errc::corrupt, path_ + " is damaged"};
    is_there_ = bytes->size() == kSlots * kSlotBytes;
    generation_ = newest->generation;
    const bool is_of_another = newest->database && *newest->database != database();
    if (newest->mark.clean && is_of_another) {
        newest->mark.clean = false;
        newest->mark.last_record = 0;
    }
    return std::optional(newest->mark);
}

// As a whole: with no slot in it the file would look damaged.
Result<void> WaterMarkFile::make(std::uint64_t at, std::string_view slot) {
    std::string bytes(kSlots * kSlotBytes, '\0');
    bytes.replace(at, slot.size(), slot);
    Result<void> made = files_.write(path_ + ".new", bytes);
    if (made) made = files_.rename(path_ + ".new", path_);
    if (made) made = files_.sync_directory(directory_);
    is_there_ = made.has_value();
    return made;
}

Result<void> WaterMarkFile::write(const WaterMark& mark) {
    ++generation_;
    const std::uint64_t at = generation_ % kSlots * kSlotBytes;
    const std::string slot = encode(mark, generation_, mark.clean ? database() : 0);
    return is_there_ ? files_.overwrite(path_, at, slot) : make(at, slot);
}

// RocksDB gives each an identity of its own, in a file that goes where the database goes.
std::uint64_t WaterMarkFile::database() const {
    const Result<std::string> identity = files_.read(directory_ + "/db/IDENTITY");
    return identity ? XXH3_64bits(identity->data(), identity->size()) : 0;
}

WaterMarkKeeper::WaterMarkKeeper(std::string directory,
                                 rocksdb::Env* env,
                                 Duration every,
                                 Note note)
    : file_(std::move(directory), env), every_(every), note_(std::move(note)) {}

WaterMarkKeeper::~WaterMarkKeeper() {
    stop();
}

void WaterMarkKeeper::write(const WaterMark& mark) {
    Result<void> written = file_.write(mark);
    // The next opening knows less; nothing else depends on it.
    if (!written && !failing_) note_("the mark of the last entry: " + written.error().detail);
    failing_ = !written;
}

void WaterMarkKeeper::start() {
    stopping_ = false;
    written_ = acknowledged_;
    thread_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "water mark");
        run();
    });
}

void WaterMarkKeeper::moved(Seq acknowledged, Seq tail) {
    tail_.store(tail.value, std::memory_order_relaxed);
    if (acknowledged_.exchange(acknowledged.value) == acknowledged.value) return;
    if (!idle_.exchange(false)) return;
    const std::scoped_lock lock(mutex_);
    wake_.notify_one();
}

void WaterMarkKeeper::stop() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
        wake_.notify_one();
    }
    if (thread_.joinable()) thread_.join();
}

bool WaterMarkKeeper::has_moved() const {
    return acknowledged_.load() != written_;
}

void WaterMarkKeeper::run() {
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        // Idle again whenever it finds nothing: it may have been woken for what it had written.
        wake_.wait(lock, [this] {
            idle_.store(true);
            return stopping_ || has_moved();
        });
        idle_.store(false);
        if (wake_.wait_for(lock, every_, [this] { return stopping_; })) return;
        const WaterMark mark{{acknowledged_.load()}, {tail_.load(std::memory_order_relaxed)}};
        lock.unlock();
        write(mark);
        lock.lock();
        written_ = mark.acknowledged.value;
    }
}

}  // namespace holdfast::wal
