// One file after the other of a log that nobody has open is deleted, cut, or gets a flipped bit,
// here and there: the log opens, and nothing that waited or was a dead letter is gone in silence.
#include "tests/unit/wal/stopped_log.hpp"
#include "wal/seq_set.hpp"
#include "wal/water_mark.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>
#include <set>
#include <thread>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void copy_all(const fs::path& from, const fs::path& to) {
    fs::remove_all(to);
    fs::copy(from, to, fs::copy_options::recursive);
}

std::map<std::string, std::string> bytes_of(const fs::path& directory) {
    std::map<std::string, std::string> all;
    for (const auto& file : fs::recursive_directory_iterator(directory)) {
        const bool is_lock = file.path().filename() == "lock" || file.path().filename() == "LOCK";
        if (file.is_regular_file() && !is_lock) all[file.path()] = read(file.path());
    }
    return all;
}

// What an operator sees of a log.
struct Seen {
    explicit Seen(LogUnderTest& log) : health(log->health()) {
        for (const Pending& one : log.take_all()) waiting.insert(one.seq);
        for (const Description& one : log.list_all()) {
            if (one.state == EntryState::failed) dead.insert(one.entry.seq());
        }
    }

    [[nodiscard]] bool accounts_for(Seq seq) const {
        SeqSet gone;
        for (const SeqRange& range : health.lost) gone.add(range);
        return waiting.contains(seq) || dead.contains(seq) || gone.find(seq).has_value() ||
               (health.lost_unnamed != 0U && seq < health.tail);
    }

    Health health;
    std::set<Seq> waiting;
    std::set<Seq> dead;
};

class LogDamageSweep : public testing::Test {
protected:
    // Reclaimed and kept aside, in tables and in logs, parked, dead, waiting.
    LogDamageSweep() {
        log_.options.history = Duration::zero();
        log_.options.reclaim_every = std::chrono::milliseconds(1);
        log_.options.water_mark_every = std::chrono::milliseconds(1);
        log_.open();
        append(20);
        log_.close();
        log_.open();
        append(20);
        log_.take_all();
        settle(1, 20);
        append(1);
        log_.close();
        log_.open();
        log_.take_all();
        settle(21, 30);
        log_.advance(std::chrono::hours(1));
        for (int i = 0; i < 1000 && log_->health().tail <= Seq{25}; ++i) append(1);
        EXPECT_GT(log_->health().tail, Seq{25});
        log_.options.history = std::chrono::hours(1000);
        log_.options.reclaim_every = std::chrono::hours(1);
    }

    void append(int count) {
        for (int i = 0; i < count; ++i) log_.append(body_of(static_cast<std::uint64_t>(i)));
    }

    // The second is a dead letter, the third waits parked.
    void settle(std::uint64_t first, std::uint64_t last) {
        log_->fail("crm", Seq{first + 1}, kFailure);
        log_->park("crm", Seq{first + 2});
        for (std::uint64_t seq = first; seq <= last; ++seq) {
            if (seq != first + 1 && seq != first + 2) log_->complete("crm", Seq{seq});
        }
    }

    // Only what the mark knows is missed.
    void wait_for_the_mark() {
        WaterMarkFile file(log_.options.directory.string(), nullptr);
        for (;;) {
            const Result<std::optional<WaterMark>> mark = file.read();
            ASSERT_TRUE(mark);
            if (*mark && (*mark)->acknowledged == log_->health().head) return;
            std::this_thread::yield();
        }
    }

    void sweep() {
        if (log_.is_open()) wait_for_the_mark();
        copy_all(log_.options.directory, work_.path() / "undamaged");
        log_.close();
        copy_all(work_.path() / "undamaged", work_.path() / "control");
        LogUnderTest control(true);
        control.options.directory = work_.path() / "control";
        control.open();
        const Seen truth(control);
        EXPECT_THAT(truth.health.lost, IsEmpty());
        std::mt19937_64 random(7);
        for (const auto& [path, bytes] : bytes_of(work_.path() / "undamaged")) {
            const fs::path name = fs::relative(path, work_.path() / "undamaged");
            SCOPED_TRACE(name);
            damage(truth, [&](const fs::path& at) { fs::remove(at / name); });
            if (bytes.empty()) continue;
            for (const std::size_t size : sizes(bytes, random)) {
                SCOPED_TRACE(fmt::format("cut to {} of {}", size, bytes.size()));
                damage(truth, [&](const fs::path& at) { fs::resize_file(at / name, size); });
            }
            for (int i = 0; i < 6; ++i) {
                const std::size_t used = bytes.find_last_not_of('\0') + 1;
                const std::size_t place = random() % std::max<std::size_t>(used, 1);
                SCOPED_TRACE(fmt::format("flipped at {} of {}", place, bytes.size()));
                std::string flipped = bytes;
                flipped[place] = static_cast<char>(flipped[place] ^ (1 << random() % 8));
                damage(truth, [&](const fs::path& at) {
                    std::ofstream(at / name, std::ios::binary) << flipped;
                });
            }
        }
        EXPECT_GT(damaged_, 40);
    }

    static std::set<std::size_t> sizes(const std::string& bytes, std::mt19937_64& random) {
        std::set<std::size_t> all{0, bytes.size() / 2};
        for (int i = 0; i < 6; ++i) all.insert(random() % bytes.size());
        return all;
    }

    void damage(const Seen& truth, const std::function<void(const fs::path&)>& act) {
        ++damaged_;
        const fs::path damaged = work_.path() / "damaged";
        copy_all(work_.path() / "undamaged", damaged);
        act(damaged);
        refuses_or_opens(damaged);
        LogUnderTest log(true);
        log.options.directory = damaged;
        const Result<void> opened = log.try_open();
        ASSERT_TRUE(opened) << opened.error().detail;
        log->add_destination("crm");
        const Seen seen(log);
        for (const std::set<Seq>* all : {&truth.waiting, &truth.dead}) {
            for (const Seq seq : *all) EXPECT_TRUE(seen.accounts_for(seq)) << seq.value;
        }
    }

    // With on_corruption = refuse; where it says that it has changed nothing, it has not.
    void refuses_or_opens(const fs::path& damaged) {
        const fs::path refused = work_.path() / "refused";
        copy_all(damaged, refused);
        const auto before = bytes_of(refused);
        LogUnderTest log(true);
        log.options.directory = refused;
        log.options.on_corruption = OnCorruption::refuse;
        const Result<void> opened = log.try_open();
        if (opened || opened.error().detail.find("Nothing was changed") == std::string::npos)
            return;
        EXPECT_TRUE(bytes_of(refused) == before) << opened.error().detail;
    }

    TempDirectory work_;
    LogUnderTest log_{true};
    int damaged_ = 0;
};

TEST_F(LogDamageSweep, OfOneThatWasKilled) {
    sweep();
}

TEST_F(LogDamageSweep, OfOneThatWasStopped) {
    log_.close();
    sweep();
}

// All that it has is in tables.
TEST_F(LogDamageSweep, OfOneThatWasOpenedAndKilled) {
    log_.close();
    log_.open();
    sweep();
}

TEST_F(LogDamageSweep, OfOneThatWasOpenedAndStopped) {
    log_.close();
    log_.open();
    log_.close();
    sweep();
}

TEST_F(LogDamageSweep, OfOneThatWentOnAfterAnOpening) {
    log_.close();
    log_.open();
    append(3);
    log_.take_all();
    settle(31, 35);
    append(1);
    sweep();
}

}  // namespace
}  // namespace holdfast::wal
