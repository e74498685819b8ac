// All that may be called at once, at once, while the disk fails now and then. What each call gives
// is tested elsewhere; this is for the sanitizers, and for the sum at the end.
#include "tests/unit/wal/log_under_test.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace holdfast::wal {
namespace {

constexpr int kBursts = 150;
constexpr std::uint64_t kPerBurst = 10;

class LogThreads : public testing::Test {
protected:
    // Until all that is durable is settled and nothing more comes.
    void deliver(const std::string& name) {
        std::uint64_t seen = 0;
        for (;;) {
            const bool last_round = appended_all_;
            const Result<Taken> taken = log_->take(name, 16);
            if (!taken) {
                log_.reports().wait_until_mended();
                continue;
            }
            for (const Pending& one : taken->entries) settle(name, one.seq, ++seen);
            if (last_round && taken->entries.empty() && !taken->more) return;
        }
    }

    void settle(const std::string& name, Seq seq, std::uint64_t number) {
        if (number % 5 == 0) log_->park(name, seq);
        if (number % 3 == 0) log_->retry(name, seq, Retry{});
        if (number % 7 == 0) {
            log_->fail(name, seq, Failure{});
        } else {
            log_->complete(name, seq, number % 11 == 0 ? Log::Mark::synced : Log::Mark::lazy);
        }
    }

    void look() {
        while (!done_) {
            const Health health = log_->health();
            Query query;
            query.count_max = 5;
            query.after = health.tail;
            const Result<Page> page = log_->list(query);
            if (page) {
                for (const Description& one : page->entries) {
                    const Result<Seq> found = log_->find(one.entry.event().id);
                    if (found) {
                        EXPECT_EQ(*found, one.entry.seq());
                    }
                }
            }
            for (const std::string& name : log_->destinations()) {
                EXPECT_LE(log_->counts(name).pending, kBursts * kPerBurst);
                if (const auto oldest = log_->oldest_pending_at(name)) {
                    EXPECT_LE(*oldest, log_.now());
                }
            }
        }
    }

    // Appends to both destinations; between some bursts the disk fails once.
    std::uint64_t append_all() {
        for (int burst = 0; burst < kBursts; ++burst) {
            log_.advance(std::chrono::seconds(1));
            if (burst % 10 == 9) {
                log_.disk().fail(LogUnderTest::Disk::kAnyOp,
                                 static_cast<std::uint64_t>(burst) % 7,
                                 1,
                                 rocksdb::IOStatus::IOError("injected"));
            }
            std::vector<Ticket> tickets;
            for (std::uint64_t i = 0; i < kPerBurst; ++i) {
                if (log_.try_append("x", i % 2 == 0 ? "a" : "b")) {
                    tickets.push_back(log_.last_ticket());
                }
            }
            log_.reports().wait_for(tickets);
            log_.reports().wait_until_mended();
        }
        log_.disk().heal();
        // A write of its own, as reclaiming is, may have failed since the last burst.
        do {
            log_.reports().wait_until_mended();
        } while (!log_.try_append("last", "a"));
        log_.reports().wait_for({log_.last_ticket()});
        return log_.reports().stored().size();
    }

    LogUnderTest log_;
    std::atomic<bool> appended_all_ = false;
    std::atomic<bool> done_ = false;
};

TEST_F(LogThreads, AllAtOnceLoseNothing) {
    log_.options.history = std::chrono::seconds(20);
    log_.options.reclaim_every = std::chrono::milliseconds(2);
    log_.open({"crm", "a", "b"});
    std::vector<std::thread> threads;
    for (const std::string name : {"crm", "a", "b"}) {
        threads.emplace_back([this, name] { deliver(name); });
    }
    std::thread looking([this] { look(); });
    const std::uint64_t acknowledged = append_all();
    appended_all_ = true;
    for (std::thread& thread : threads) thread.join();
    done_ = true;
    looking.join();
    Counts sum;
    for (const std::string& name : log_->destinations()) {
        const Counts counts = log_->counts(name);
        EXPECT_EQ(counts.pending, 0U) << name;
        sum.complete += counts.complete;
        sum.failed += counts.failed;
    }
    EXPECT_GE(sum.complete + sum.failed, acknowledged);
    log_.close();
    log_.open({"crm", "a", "b"});
    for (const char* name : {"crm", "a", "b"}) {
        EXPECT_TRUE(log_.take_seqs(name).empty()) << name;
    }
}

}  // namespace
}  // namespace holdfast::wal
