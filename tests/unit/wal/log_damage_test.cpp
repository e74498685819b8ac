#include "tests/unit/wal/log_under_test.hpp"
#include "wal/cursor.hpp"
#include "wal/files.hpp"
#include "wal/keys.hpp"
#include "wal/schema_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LogDamage : public testing::Test {
protected:
    // While the log is closed.
    void damage(Seq seq) {
        const std::string key = seq_key(Space::entry, seq);
        std::string record = log_.get_raw(key).value();
        record[record.size() / 2] ^= 1;
        log_.put_raw(key, record);
    }

    void put(const std::string& key, const std::string& value) { log_.put_raw(key, value); }

    LogUnderTest log_;
};

TEST_F(LogDamage, OfARecordMakesItADeadLetterAndItsNeighboursGoOn) {
    log_.open();
    for (int i = 0; i < 3; ++i) log_.append("x");
    log_.close();
    damage(Seq{2});
    log_.open();
    EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_EQ(log_->health().damaged, 1U);
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 2, .complete = 0, .failed = 1}));
    EXPECT_THAT(log_.reports().notes(), HasSubstr("entry 2 is damaged"));
    EXPECT_EQ(log_->get(Seq{2}).error().code, Errc::corrupt);
    for (const Seq seq : {Seq{1}, Seq{3}}) log_->complete("crm", seq);
    const std::vector<Description> all = log_.list_all();
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[1].state, EntryState::failed);
    log_.close();
    const std::string failure = log_.get_raw(seq_key(Space::failed, Seq{2})).value();
    EXPECT_THAT(decode_failure(failure)->reason, HasSubstr("damaged"));
}

TEST_F(LogDamage, OfARecordThatWasNotCountedYetDoesNotUpsetTheCounts) {
    log_.open();
    for (int i = 0; i < 3; ++i) log_.append("x");
    log_.close();
    damage(Seq{2});
    // As if no cursor had been saved since the first.
    put(name_key(Space::cursor, "crm"), Cursor(Seq{1}).encode());
    log_.open();
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 0, .complete = 2, .failed = 1}));
}

TEST_F(LogDamage, OfARecordIsFoundOnceByOneOfSeveralDestinations) {
    log_.open({"a", "b"});
    for (int i = 0; i < 3; ++i) log_.append("x", "a");
    log_.append("x", "b");
    log_.close();
    damage(Seq{2});
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("b"), ElementsAre(Seq{4}));
    EXPECT_THAT(log_.take_seqs("a"), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_EQ(log_->health().damaged, 1U);
    EXPECT_EQ(log_->counts("a"), (Counts{.pending = 2, .complete = 0, .failed = 0}));
    EXPECT_EQ(log_->counts("b"), (Counts{.pending = 1, .complete = 0, .failed = 1}));
    log_->complete("b", Seq{4});
    log_.close();
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("a"), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_THAT(log_.take_seqs("b"), IsEmpty());
    EXPECT_EQ(log_->counts("a"), (Counts{.pending = 2, .complete = 0, .failed = 0}));
    EXPECT_EQ(log_->counts("b"), (Counts{.pending = 0, .complete = 1, .failed = 1}));
}

TEST_F(LogDamage, OfARecordIsNotFoundAgainByAnotherDestinationAfterARestart) {
    log_.open({"a", "b"});
    for (int i = 0; i < 3; ++i) log_.append("x", "a");
    log_.append("x", "b");
    log_.close();
    damage(Seq{2});
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("b"), ElementsAre(Seq{4}));
    log_.close();
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("a"), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_EQ(log_->counts("a"), (Counts{.pending = 2, .complete = 0, .failed = 0}));
    EXPECT_EQ(log_->counts("b").failed, 1U);
}

TEST_F(LogDamage, DoesNotHideOthersFromASearch) {
    log_.open();
    std::vector<Ulid> ids;
    for (std::uint64_t seq = 1; seq <= 9; ++seq) {
        log_.append("x");
        ids.push_back(log_->get(Seq{seq})->event().id);
    }
    log_.close();
    for (const std::uint64_t seq : {5U, 6U, 9U}) damage(Seq{seq});
    log_.open();
    for (const std::uint64_t seq : {1U, 2U, 3U, 4U, 7U, 8U}) {
        const Result<Seq> found = log_->find(ids[seq - 1]);
        ASSERT_TRUE(found) << seq;
        EXPECT_EQ(*found, Seq{seq});
    }
    EXPECT_EQ(log_->find(ids[5 - 1]).error().code, Errc::not_found);
}

TEST_F(LogDamage, OfARetryStateStartsItsEntryAfresh) {
    log_.open();
    log_.append("x");
    log_.close();
    put(seq_key(Space::retry, Seq{1}), "junk");
    log_.open();
    const std::vector<Pending> pending = log_.take_all();
    ASSERT_EQ(pending.size(), 1U);
    // What may not be repeated blindly is not.
    Retry in_doubt;
    in_doubt.intended = true;
    EXPECT_EQ(pending[0].retry, in_doubt);
    EXPECT_THAT(log_.reports().notes(), HasSubstr("entry 1: its retry state is damaged"));
    log_->complete("crm", Seq{1});
}

// Duplicates are allowed, loss is not; nothing is repeated as if it had never been tried.
TEST_F(LogDamage, OfACursorStartsItAgainFromTheTail) {
    log_.open();
    for (int i = 0; i < 4; ++i) log_.append("x");
    log_.take_all();
    log_->complete("crm", Seq{1});
    log_->fail("crm", Seq{2}, Failure{});
    log_->park("crm", Seq{3});
    log_.close();
    put(name_key(Space::cursor, "crm"), "\1junk");
    log_.open();
    EXPECT_THAT(log_.reports().notes(), HasSubstr("the cursor of crm is damaged"));
    std::vector<Seq> seqs;
    for (const Pending& one : log_.take_all()) {
        seqs.push_back(one.seq);
        ASSERT_TRUE(one.retry);
        EXPECT_TRUE(one.retry->intended);
        EXPECT_EQ(one.parked, one.seq == Seq{3});
    }
    EXPECT_THAT(seqs, ElementsAre(Seq{3}, Seq{1}, Seq{4}));
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 3, .complete = 0, .failed = 1}));
    EXPECT_EQ(log_.append("new"), Seq{5});
    EXPECT_EQ(log_.take_all().at(0).retry, std::nullopt);
    log_.close();
    log_.open();
    EXPECT_EQ(log_.take_all().size(), 4U);  // and again in doubt
}

TEST_F(LogDamage, ADamagedDeadLetterIsListed) {
    log_.open();
    for (int i = 0; i < 3; ++i) log_.append("x");
    log_.take_all();
    for (const Seq seq : {Seq{1}, Seq{2}}) log_->fail("crm", seq, Failure{});
    log_.close();
    damage(Seq{1});                               // the record of a dead letter
    put(seq_key(Space::failed, Seq{2}), "junk");  // why another one failed
    damage(Seq{3});                               // found while it is read
    log_.open();
    log_.take_all();
    log_.append("and all marks are written with it");
    Query failed;
    failed.state = EntryState::failed;
    const std::vector<Description> listed = log_.list_all(failed);
    ASSERT_EQ(listed.size(), 3U);
    EXPECT_EQ(log_->counts("crm").failed, 3U);
    for (const Description& one : listed) EXPECT_EQ(one.state, EntryState::failed);
    EXPECT_EQ(listed[0].failure->cause, FailureCause::poison);
    EXPECT_FALSE(listed[0].is_readable);
    EXPECT_TRUE(listed[1].is_readable);
    EXPECT_FALSE(listed[2].is_readable);
    EXPECT_EQ(listed[1].failure->cause, FailureCause::damaged);
    EXPECT_EQ(listed[2].failure->cause, FailureCause::damaged);
    EXPECT_EQ(log_->describe(Seq{3})->failure->cause, FailureCause::damaged);
    EXPECT_EQ(log_->describe(Seq{5}).error().code, Errc::not_found);
}

TEST_F(LogDamage, ARecordThatTheDiskNeverGivesBackHoldsItsDestinationUpForAWhileOnly) {
    log_.open();
    // A block each, so that opening the log does not read the one in the middle.
    for (int i = 0; i < 5; ++i) log_.append(std::string(20'000, 'x'));
    for (const Seq seq : log_.take_seqs()) {
        if (seq != Seq{3}) log_->complete("crm", seq);
    }
    log_.close();
    log_.open();  // they are in a table now
    log_.disk().fail_reads_of_tables(true);
    for (int i = 0; i < 59; ++i) {
        const Result<Taken> taken = log_->take("crm", 1);
        ASSERT_FALSE(taken);
        EXPECT_EQ(taken.error().code, Errc::storage_failed);
    }
    const Result<Taken> taken = log_->take("crm", 1);
    ASSERT_TRUE(taken);
    EXPECT_THAT(taken->entries, IsEmpty());
    EXPECT_EQ(log_->counts("crm").failed, 1U);
    log_.append("goes on");
    EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{6}));
    log_.disk().fail_reads_of_tables(false);
    EXPECT_EQ(log_->describe(Seq{3})->failure->cause, FailureCause::damaged);
    EXPECT_TRUE(log_->replay(Seq{3}, log_.make_id(), log_.now(), 50));
    EXPECT_TRUE(log_.reports().wait_for({50}));
}

TEST_F(LogDamage, ANewerSchemaIsLeftAlone) {
    log_.open();
    log_.close();
    put(name_key(Space::meta, "schema"), "99");
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::too_new);
}

// Its files may look damaged to this version.
TEST_F(LogDamage, ANewerSchemaIsLeftAloneWhateverItsFilesLookLike) {
    log_.open();
    log_.append("event");
    log_.close();
    const Files files(log_.options.env);
    const std::string directory = log_.options.directory.string();
    const SchemaFile schema(directory, log_.options.env);
    EXPECT_EQ(**schema.read(), std::stoi(std::string(kSchema)));
    ASSERT_TRUE(schema.write(99));
    ASSERT_TRUE(files.write(directory + "/db/CURRENT", "another layout"));
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::too_new);
    EXPECT_FALSE(files.exists(directory + "/quarantine"));
    EXPECT_EQ(*files.read(directory + "/db/CURRENT"), "another layout");
}

TEST_F(LogDamage, AFileOfTheSchemaThatCannotBeReadKeepsNoLogShut) {
    LogUnderTest log(true);
    log.open();
    log.close();
    std::filesystem::remove(log.options.directory / "schema");
    std::filesystem::create_directory(log.options.directory / "schema");
    log.open();
    EXPECT_THAT(log.reports().notes(), HasSubstr("the file that says the log's schema"));
}

TEST_F(LogDamage, AFlippedBitInTheFileOfTheSchemaKeepsNoLogShut) {
    log_.open();
    log_.close();
    const Files files(log_.options.env);
    const std::string path = (log_.options.directory / "schema").string();
    const std::string good = *files.read(path);
    for (std::size_t bit = 0; bit < good.size() * 8; ++bit) {
        std::string flipped = good;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        ASSERT_TRUE(files.write(path, flipped));
        ASSERT_TRUE(log_.try_open()) << flipped;
        log_.close();
        EXPECT_EQ(*files.read(path), good);
    }
}

}  // namespace
}  // namespace holdfast::wal
