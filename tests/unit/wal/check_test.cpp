// Checking and mending a log that nobody has open.
#include "wal/check.hpp"

#include "proto/record.hpp"
#include "tests/unit/wal/checked_log.hpp"
#include "wal/files.hpp"
#include "wal/keys.hpp"
#include "wal/known_keys.hpp"
#include "wal/log_files.hpp"
#include "wal/schema_file.hpp"
#include "wal/water_mark.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <random>

namespace holdfast::wal {

namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST_F(CheckedLog, ThatIsWellHasNoFindings) {
    const CheckReport report = check();
    EXPECT_THAT(damage(), IsEmpty());
    EXPECT_THAT(notices(), IsEmpty());
    EXPECT_EQ(report.tail, Seq{1});
    EXPECT_EQ(report.head, Seq{kEntries});
    EXPECT_EQ(report.acknowledged, Seq{kEntries});
    EXPECT_EQ(report.counts.entries, kEntries);
    EXPECT_GE(report.counts.tables, 2U);
    EXPECT_GE(report.counts.marks, 5U);  // a cursor, one of each, the schema
}

TEST_F(CheckedLog, ThatIsWellIsLeftAsItIsByARepair) {
    const auto before = bytes_of_all();
    EXPECT_EQ(repair().mended, Mend::nothing);
    EXPECT_TRUE(before == bytes_of_all());
}

TEST_F(CheckedLog, KeepsFilesThatRocksDbWouldClearAway) {
    write(db() / "000999.sst", "left by a crash");
    write(db() / "000001.log", "");
    write(db() / "000998.dbtmp", "too");
    (void)check();
}

TEST_F(CheckedLog, ThatIsInUseIsNotLookedAt) {
    log_.open();
    const Result<CheckReport> report = wal::check(options());
    ASSERT_FALSE(report);
    EXPECT_EQ(report.error().code, Errc::busy);
    const Result<RepairReport> repaired = wal::repair(options(), false);
    ASSERT_FALSE(repaired);
    EXPECT_EQ(repaired.error().code, Errc::busy);
}

TEST_F(CheckedLog, ThatIsNotThereIsSaidSo) {
    CheckOptions nowhere = options();
    nowhere.directory += "/no/such";
    EXPECT_EQ(wal::check(nowhere).error().code, Errc::not_found);
}

TEST_F(CheckedLog, OfANewerVersionIsNotLookedAt) {
    log_.put_raw(name_key(Space::meta, "schema"), "99");
    EXPECT_EQ(wal::check(options()).error().code, Errc::too_new);
}

// Its files may look damaged to this version.
TEST_F(CheckedLog, OfANewerVersionIsNotRepaired) {
    ASSERT_TRUE(SchemaFile(directory(), nullptr).write(kSchemaNumber + 1));
    flip(only(".log"), in_log(60));
    const auto before = bytes_of_all();
    const Result<RepairReport> repaired = wal::repair(options(), false);
    ASSERT_FALSE(repaired);
    EXPECT_EQ(repaired.error().code, Errc::too_new);
    EXPECT_TRUE(before == bytes_of_all());
}

// What was lost may be sent again.
class LostWithAKey : public CheckedLog {
protected:
    LostWithAKey() {
        log_.options.idempotency_window = std::chrono::hours(24);
        log_.open();
        EXPECT_TRUE(try_append());
        EXPECT_TRUE(log_.reports().wait_for({log_.last_ticket()}));
        log_.close();
        log_.open();
        log_.append("another table");
        log_.close();
        for (const Path& table : files(".sst")) {
            const std::size_t at = read(table).find(fmt::format("entry {} ", kEntries + 1));
            if (at != std::string::npos) flip(table, at);
        }
        EXPECT_THAT(repair().lost, ElementsAre(SeqRange{{kEntries + 1}, {kEntries + 1}}));
    }

    Result<Placed> try_append() { return log_.try_append_with_key("key", body_of(kEntries + 1)); }
};

TEST_F(LostWithAKey, IsNotKnownAnyMore) {
    log_.open();
    const Result<Placed> again = try_append();
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->is_repeat);
    EXPECT_TRUE(log_.reports().wait_for({log_.last_ticket()}));
    const Result<Placed> repeat = try_append();
    ASSERT_TRUE(repeat);
    EXPECT_TRUE(repeat->is_repeat);
    EXPECT_EQ(repeat->seq, again->seq);
}

TEST_F(LostWithAKey, IsNotKnownAgainWhenTheTailHasPassedIt) {
    log_.options.history = Duration::zero();
    log_.options.reclaim_every = std::chrono::milliseconds(1);
    log_.open();
    log_->lost_is_seen();
    log_.advance(std::chrono::hours(1));
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    log_.reclaim_beyond(Seq{kEntries + 2});
    log_.close();
    log_.open();
    const Result<Placed> again = try_append();
    ASSERT_TRUE(again);
    EXPECT_FALSE(again->is_repeat);
}

// Each line under one kind; and what the logs explain needs no RepairDB, which brings old marks
// back.
TEST_F(CheckedLog, WithoutItsFirstLogHasNoDamagedListOfTables) {
    Path first;
    {
        const auto raw = log_.open_raw();
        const auto put = [&](std::size_t family, const std::string& key) {
            EXPECT_TRUE((*raw)->Put({}, raw->families()[family], key, "x").ok());
        };
        put(0, name_key(Space::saved, "a"));
        put(1, seq_key(Space::entry, Seq{kEntries + 1}));
        first = files(".log").back();
        EXPECT_TRUE((*raw)->Flush({}, raw->families()[0]).ok());  // begins another log
        put(1, seq_key(Space::entry, Seq{kEntries + 2}));
    }
    std::filesystem::remove(first);
    EXPECT_THAT(damage(), Not(Contains(IsKind(Kind::table_list_damaged))));
    for (const std::string& note : repair().notes) {
        EXPECT_THAT(note, Not(HasSubstr("repairing: ")));
    }
}

TEST_F(CheckedLog, WithACursorOfANewerVersionIsNotLookedAt) {
    log_.put_raw(name_key(Space::cursor, "crm"), "x");
    EXPECT_EQ(wal::check(options()).error().code, Errc::too_new);
}

// What a flipped bit, a cut or a missing file does.
class Injured : public CheckedLog {
protected:
    // Found as these, mended so that nothing is lost but `lost`, and then well again.
    void expect(const std::vector<Kind>& kinds, const std::vector<SeqRange>& lost) {
        const CheckReport before = check();
        std::vector<Kind> found;
        for (const Finding& one : before.findings) {
            if (one.is_damage()) found.push_back(one.kind);
        }
        EXPECT_EQ(found, kinds) << testing::PrintToString(before.findings);
        const auto bytes = bytes_of_all();
        const std::vector<fs::path> tables = files(".sst");
        const Result<RepairReport> tried = wal::repair(options(), true);
        ASSERT_TRUE(tried);
        EXPECT_TRUE(bytes == bytes_of_all()) << "a dry run has changed something";
        const RepairReport report = repair();
        EXPECT_EQ(report.mended, tried->mended);
        EXPECT_EQ(text_of(report.lost), text_of(lost));
        EXPECT_FALSE(has_damage(report.after.findings))
            << testing::PrintToString(report.after.findings);
        EXPECT_EQ(fs::exists(directory() / "quarantine"), report.mended == Mend::rebuild);
        if (report.mended == Mend::rebuild) {
            // All that was there is kept.
            EXPECT_TRUE(fs::exists(report.kept_in + "/db"));
            for (const fs::path& table : tables) {
                EXPECT_TRUE(fs::exists(report.kept_in / ("db" / table.filename()))) << table;
            }
            const auto kept = fs::directory_iterator(directory() / "quarantine");
            EXPECT_EQ(std::distance(begin(kept), end(kept)), 1) << "what was built was built again";
        }
        expect_all_but(lost);
    }
};

TEST_F(Injured, ByAFlippedBitInTheLogLosesThatEntry) {
    flip(only(".log"), in_log(60));
    expect({Kind::log_rot, Kind::entry_missing}, {{{60}, {60}}});
}

TEST_F(Injured, ByALogThatWasCutShortLosesItsEnd) {
    fs::resize_file(only(".log"), in_log(70) - 100);
    expect({Kind::log_cut_short, Kind::end_missing}, {{{70}, {kEntries}}});
}

TEST_F(Injured, ByALogThatIsGoneLosesWhatWasInIt) {
    fs::remove(only(".log"));
    expect({Kind::log_cut_short, Kind::end_missing}, {{{kInTables + 1}, {kEntries}}});
}

TEST_F(Injured, ByALogThatIsGoneAfterACrashLosesWhatWasInIt) {
    WaterMarkFile mark(directory(), nullptr);
    ASSERT_TRUE(mark.read());
    ASSERT_TRUE(mark.write({.acknowledged = Seq{kEntries}, .tail = Seq{1}, .clean = false}));
    fs::remove(only(".log"));
    expect({Kind::end_missing}, {{{kInTables + 1}, {kEntries}}});
}

// It does not know the quota that the agent makes it for.
TEST_F(Injured, HasNoBallastFromARepair) {
    fs::remove(only("CURRENT"));
    (void)repair();
    EXPECT_FALSE(fs::exists(directory() / "ballast"));
}

TEST_F(Injured, ByTheLossOfTheWholeDatabaseIsLeftAloneByThePolicyRefuse) {
    fs::remove_all(db());
    log_.options.on_corruption = OnCorruption::refuse;
    for (const Durability durability : {Durability::synced, Durability::buffered}) {
        log_.options.durability = durability;
        const Result<void> opened = log_.try_open();
        ASSERT_FALSE(opened);
        EXPECT_THAT(opened.error().detail, HasSubstr("seqs: 1-80"));
        EXPECT_FALSE(fs::exists(db()));
    }
    fs::create_directory(db());
    EXPECT_FALSE(log_.try_open());
    EXPECT_TRUE(fs::is_empty(db()));
}

TEST_F(Injured, ByAMissingHeadLosesNothing) {
    fs::remove(only("CURRENT"));
    expect({Kind::current_missing}, {});
}

TEST_F(Injured, ByAHeadThatNamesNothingLosesNothing) {
    write(only("CURRENT"), "MANIFEST-999999\n");
    expect({Kind::cannot_be_opened}, {});
}

TEST_F(Injured, ByAFlippedBitInTheListOfTablesLosesNothing) {
    const fs::path list = only("MANIFEST-");
    flip(list, fs::file_size(list) / 2);
    expect({Kind::table_list_damaged}, {});
}

TEST_F(Injured, ByAMarkThatCannotBeReadLosesNothing) {
    write(directory() / "acknowledged", std::string(8192, 'x'));
    expect({Kind::mark_file_damaged}, {});
}

TEST_F(Injured, ByAFlippedBitInATableLosesWhatWasInTheBlock) {
    const fs::path table = largest_table();
    flip(table, fs::file_size(table) / 3);
    const std::vector<Finding> found = damage();
    ASSERT_THAT(found, ElementsAre(IsKind(Kind::table_damaged), IsKind(Kind::entry_unreadable)));
    EXPECT_LE(count_of(found[1].seqs), 20U);
    EXPECT_EQ(found[0].subject, table.filename());
    expect({Kind::table_damaged, Kind::entry_unreadable}, found[1].seqs);
}

TEST_F(Injured, ByATableThatIsGoneLosesWhatWasInIt) {
    fs::remove(largest_table());
    expect({Kind::cannot_be_opened, Kind::entry_missing}, {{{1}, {kInTables}}});
}

TEST_F(Injured, ByACursorThatIsGoneLosesNothing) {
    {
        const auto raw = log_.open_raw();
        const std::string key = name_key(Space::cursor, "crm");
        ASSERT_TRUE((*raw)->Delete(rocksdb::WriteOptions(), raw->family_of(key), key).ok());
    }
    expect({Kind::cursor_missing}, {});
}

TEST_F(Injured, ByACursorThatCannotBeReadLosesNothing) {
    log_.put_raw(name_key(Space::cursor, "crm"), std::string("\1x"));
    expect({Kind::cursor_damaged}, {});
}

TEST_F(Injured, ByAMissingSchemaLosesNothing) {
    {
        const auto raw = log_.open_raw();
        const std::string key = name_key(Space::meta, "schema");
        ASSERT_TRUE((*raw)->Delete(rocksdb::WriteOptions(), raw->family_of(key), key).ok());
    }
    expect({Kind::schema_missing}, {});
}

TEST_F(Injured, ByAnEntryThatIsGoneFromTheMiddleLosesIt) {
    {
        const auto raw = log_.open_raw();
        const std::string key = seq_key(Space::entry, Seq{50});
        ASSERT_TRUE((*raw)->Delete(rocksdb::WriteOptions(), raw->family_of(key), key).ok());
    }
    expect({Kind::entry_missing}, {{{50}, {50}}});
}

TEST_F(Injured, ByTheLossOfTheWholeDatabaseLosesEverything) {
    fs::remove_all(db());
    EXPECT_THAT(damage(), ElementsAre(IsAbout(Kind::database_gone, "1-80")));
    const RepairReport report = repair();
    EXPECT_EQ(text_of(report.lost), "1-80");
    EXPECT_FALSE(has_damage(report.after.findings));
}

TEST_F(Injured, ByTheLossOfTheWholeDatabaseAlsoWhenAllHadBeenReclaimed) {
    WaterMarkFile mark(directory(), nullptr);
    ASSERT_TRUE(mark.read());
    ASSERT_TRUE(mark.write({Seq{kEntries}, Seq{kEntries + 1}}));
    fs::remove_all(db());
    EXPECT_THAT(damage(), ElementsAre(IsKind(Kind::database_gone)));
    const RepairReport report = repair();
    EXPECT_THAT(report.lost, IsEmpty());
    EXPECT_EQ(report.unnamed, std::nullopt);
}

// What no rebuilding can bring back is told, and nothing is changed for it.
TEST_F(CheckedLog, RecordsThatWereWrittenWrongAreNamed) {
    log_.put_raw(seq_key(Space::entry, Seq{50}), "x");
    log_.put_raw(seq_key(Space::entry, Seq{51}), "x");
    log_.put_raw(seq_key(Space::retry, Seq{13}), "x");
    log_.put_raw(seq_key(Space::failed, Seq{14}), "x");
    log_.put_raw(seq_key(Space::failed, Seq{90}), encode(kFailure));
    log_.put_raw(seq_key(Space::parked, Seq{91}), "crm");
    log_.put_raw(key_key(wall_from_ms(1), {1, 2}), "x");
    EXPECT_THAT(damage(),
                ElementsAre(IsAbout(Kind::entry_damaged, "50-51"),
                            IsAbout(Kind::mark_damaged, "14"),
                            IsOf(Kind::mark_damaged, "idempotency keys"),
                            IsAbout(Kind::mark_damaged, "13"),
                            IsAbout(Kind::dead_letter_without_record, "90"),
                            IsAbout(Kind::parked_without_record, "91")));
    EXPECT_EQ(mend_of(check().findings), Mend::nothing);
}

TEST_F(CheckedLog, ADeadLettersRecordMayBeKeptAside) {
    const Seq before_all{0};  // as one whose place was reclaimed
    Event event;
    event.destination = "crm";
    std::string record;
    encode_record(event, record);
    log_.put_raw(seq_key(Space::kept, before_all), record);
    log_.put_raw(seq_key(Space::failed, before_all), encode(kFailure));
    EXPECT_THAT(damage(), IsEmpty());
}

TEST_F(CheckedLog, ACursorThatIsAheadIsNamed) {
    Cursor ahead(Seq{500});
    ahead.counted_to = Seq{kEntries};
    log_.put_raw(name_key(Space::cursor, "crm"), ahead.encode());
    EXPECT_THAT(damage(), ElementsAre(IsOf(Kind::cursor_ahead, "crm")));
}

TEST_F(CheckedLog, CountsThatAreOffAreNoDamage) {
    Cursor off(Seq{41});
    off.counts = {.pending = 7, .complete = 10, .failed = 3};
    off.counted_to = Seq{kEntries};
    log_.put_raw(name_key(Space::cursor, "crm"), off.encode());
    EXPECT_THAT(damage(), IsEmpty());
    const std::vector<Finding> found = notices();
    ASSERT_THAT(found, ElementsAre(IsOf(Kind::counts_off, "crm")));
    EXPECT_THAT(found[0].what,
                ElementsAre("7 are counted as pending, 41 are there",
                            "3 are counted as failed, 1 are there"));
}

TEST_F(CheckedLog, ATornEndAfterACrashIsNoDamage) {
    const fs::path file = only(".log");
    const std::string whole = read(file);
    WaterMarkFile mark(directory(), nullptr);
    ASSERT_TRUE(mark.read());
    ASSERT_TRUE(mark.write({.acknowledged = Seq{kEntries}, .tail = Seq{1}, .clean = false}));
    write(file, whole + whole.substr(0, 100).replace(0, 4, "torn"));
    EXPECT_THAT(damage(), IsEmpty());
    EXPECT_THAT(notices(), ElementsAre(IsKind(Kind::log_torn)));
    // Unless the mark says that what is missing had been acknowledged.
    ASSERT_TRUE(mark.write({.acknowledged = Seq{kEntries + 1}, .tail = Seq{1}, .clean = false}));
    EXPECT_THAT(damage(), ElementsAre(IsKind(Kind::end_missing)));
    EXPECT_THAT(notices(), IsEmpty());
}

TEST_F(CheckedLog, WhatLiesBesideTheDatabaseIsNamed) {
    fs::create_directories(directory() / "quarantine/20231101T000000Z/db");
    write(directory() / "quarantine/20231101T000000Z/db/000001.log", std::string(1000, 'x'));
    fs::create_directories(directory() / "db.new");
    fs::remove(directory() / "acknowledged");
    fs::remove(directory() / "ballast");
    write(directory() / "schema", "4 and more");
    const std::vector<Finding> found = check().findings;
    ASSERT_THAT(
        found,
        ElementsAre(IsKind(Kind::mark_file_missing),
                    IsKind(Kind::schema_file_missing),
                    IsOf(Kind::quarantined, (directory() / "quarantine/20231101T000000Z").string()),
                    IsOf(Kind::leftover, (directory() / "db.new").string()),
                    IsKind(Kind::ballast_missing)));
    EXPECT_THAT(found[2].what, ElementsAre("1 MB, 13 days old"));
}

TEST_F(CheckedLog, ARebuildingThatWasCutOffIsGoneOnWith) {
    fs::create_directories(directory() / "quarantine/20231101T000000Z");
    fs::rename(db(), directory() / "quarantine/20231101T000000Z/db");
    write(directory() / "rebuilding", "20231101T000000Z");
    EXPECT_THAT(damage(), ElementsAre(IsKind(Kind::rebuild_unfinished)));
    const RepairReport report = repair();
    EXPECT_THAT(report.kept_in, HasSubstr("20231101T000000Z"));
    EXPECT_FALSE(has_damage(report.after.findings));
    expect_all_but({});
}

// Losses that are known are not found again.
TEST_F(CheckedLog, WhatWasLostEarlierIsANoticeUntilItWasSeen) {
    flip(only(".log"), in_log(60));
    log_.open();
    log_.close();
    EXPECT_THAT(damage(), IsEmpty());
    EXPECT_THAT(notices(), testing::Contains(IsAbout(Kind::lost_before, "60")));
    log_.open();
    log_->lost_is_seen();
    log_.close();
    EXPECT_THAT(damage(), IsEmpty());
    EXPECT_THAT(notices(), ElementsAre(IsKind(Kind::quarantined)));
}

TEST_F(CheckedLog, ARepairCanBeUndone) {
    flip(only(".log"), in_log(60));
    const auto files = [&] {
        std::map<std::string, std::string> all;
        for (const auto& file : fs::directory_iterator(db())) {
            if (!is_spare(file.path().string())) all[file.path().filename()] = read(file.path());
        }
        return all;
    };
    const auto before = files();
    const RepairReport report = repair();
    ASSERT_FALSE(report.kept_in.empty());
    fs::remove_all(db());
    fs::rename(report.kept_in + "/db", db());
    EXPECT_TRUE(before == files());
}

// RocksDB looks a key up in each of a few young tables, whatever their ranges.
class TwoTables : public CheckedLog {
protected:
    // Of entries, in the first block of the newer table; what was marked is in tables too.
    void flip_newer() {
        log_.close();
        log_.open();
        log_.close();
        const std::vector<Path> all = files(".sst");
        flip(*std::find_if(all.rbegin(),
                           all.rend(),
                           [](const Path& table) { return fs::file_size(table) > 2000; }),
             200);
    }

    void complete_all() {
        log_.open();
        for (const Pending& one : log_.take_all()) log_->complete("crm", one.seq);
        flip_newer();
    }
};

TEST_F(TwoTables, OnlyWhatLiesInTheDamagedBlockIsDamaged) {
    log_.open();
    log_.take_all();
    log_->retry("crm", Seq{13}, retry_once());
    flip_newer();
    std::set<Seq> unreadable;
    for (const Finding& one : damage()) {
        if (one.kind != Kind::entry_unreadable) continue;
        for (const SeqRange& range : one.seqs) {
            for (Seq seq = range.first; seq <= range.last; seq = seq.next()) unreadable.insert(seq);
        }
    }
    ASSERT_FALSE(unreadable.empty());
    EXPECT_GT(*unreadable.begin(), Seq{kInTables});
    EXPECT_LT(unreadable.size(), 30U);
    log_.open();
    std::set<Seq> taken;
    for (const Pending& one : log_.take_all()) taken.insert(one.seq);
    EXPECT_EQ(log_->health().damaged, unreadable.size());
    for (Seq seq{12}; seq <= Seq{kEntries}; seq = seq.next()) {
        EXPECT_EQ(taken.contains(seq), !unreadable.contains(seq)) << seq.value;
        EXPECT_EQ(log_->get(seq).has_value(), !unreadable.contains(seq)) << seq.value;
    }
}

TEST_F(TwoTables, ARepairDeliversNothingAgain) {
    complete_all();
    const RepairReport report = repair();
    EXPECT_FALSE(report.lost.empty());
    EXPECT_FALSE(report.begins_again);
    log_.open();
    EXPECT_THAT(log_.take_seqs(), IsEmpty());
}

TEST_F(TwoTables, WhatCannotBeReadIsListedAllTheSame) {
    complete_all();
    log_.open();
    std::size_t unreadable = 0;
    std::set<Seq> listed;
    for (const Description& one : log_.list_all()) {
        listed.insert(one.entry.seq());
        unreadable += !one.is_readable;
        EXPECT_NE(one.state, EntryState::pending);
    }
    EXPECT_EQ(listed.size(), kEntries);
    EXPECT_GT(unreadable, 0U);
}

// The mark is by then that of what was built.
TEST_F(CheckedLog, AfterARepairThatWasUndoneTheSameDamageIsFound) {
    flip(largest_table(), 200);
    const auto kinds = [&] {
        std::vector<Kind> found;
        for (const Finding& one : damage()) found.push_back(one.kind);
        return found;
    };
    const std::vector<Kind> before = kinds();
    EXPECT_FALSE(before.empty());
    const RepairReport report = repair();
    ASSERT_FALSE(report.kept_in.empty());
    fs::remove_all(db());
    fs::rename(report.kept_in + "/db", db());
    EXPECT_EQ(kinds(), before);
}

// In every state that a log goes through.
TEST(CheckedLogInUse, HasNoDamageAtAnyPointOfItsLife) {
    LogUnderTest log(true);
    log.options.history = Duration::zero();
    log.options.reclaim_every = Duration::zero();
    CheckOptions options;
    options.directory = log.options.directory;
    const auto expect_well = [&](const char* when) {
        SCOPED_TRACE(when);
        log.close();
        options.now = log.now();
        const Result<CheckReport> report = check(options);
        ASSERT_TRUE(report) << report.error().detail;
        for (const Finding& one : report->findings) {
            EXPECT_EQ(one.kind, Kind::ballast_missing) << testing::PrintToString(one);
        }
        log.open({"crm", "mail"});
    };
    log.open({"crm", "mail"});
    expect_well("new");
    for (int i = 0; i < 30; ++i) log.append(body_of(1), i % 3 == 0 ? "mail" : "crm");
    expect_well("all pending");
    log.take_all("crm");
    log->complete("crm", Seq{3});
    log->fail("crm", Seq{2}, kFailure);
    log->park("crm", Seq{5});
    log->retry("crm", Seq{6}, retry_once());
    expect_well("one of each");
    log.take_all("crm");
    for (std::uint64_t seq = 1; seq <= 30; ++seq) {
        if (seq % 3 != 1 && seq != 2 && seq != 3 && seq != 5) log->complete("crm", Seq{seq});
    }
    for (const Pending& one : log.take_all("mail")) log->complete("mail", one.seq);
    log.advance(std::chrono::hours(1));
    expect_well("all settled but two");
    log.append("more");
    log->complete("crm", log.take_all("crm").back().seq);
    for (Seq tail; tail < Seq{31};) {
        log.append("more");
        for (const Pending& one : log.take_all("crm")) {
            if (one.seq > Seq{30}) log->complete("crm", one.seq);
        }
        tail = log->health().tail;
    }
    expect_well("reclaimed, two kept aside");
    EXPECT_GT(log->health().tail, Seq{30});
}

TEST(CheckedLogInUse, HasNoDamageAfterAPowerCut) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        LogUnderTest log;
        log.open();
        for (std::uint64_t seq = 1; seq <= 20 + seed; ++seq) {
            log.append(body_of(seq));
            for (const Pending& one : log.take_all()) log->complete("crm", one.seq);
        }
        log.crash(seed);
        log.close();
        CheckOptions options;
        options.directory = log.options.directory;
        options.env = log.options.env;
        options.now = log.now();
        const Result<CheckReport> report = check(options);
        ASSERT_TRUE(report) << report.error().detail;
        EXPECT_FALSE(has_damage(report->findings)) << testing::PrintToString(report->findings);
        EXPECT_EQ(report->head, Seq{20 + seed});
    }
}

// Whatever a check says nothing about is as it was; whatever it finds, a repair mends, and it says
// exactly what is gone.
TEST_F(CheckedLog, AFlippedBitAnywhereIsFoundAndMendedOrOfNoEffect) {
    const fs::path good = directory().string() + ".good";
    fs::copy(directory(), good, fs::copy_options::recursive);
    std::uint64_t found = 0;
    std::uint64_t lossy = 0;
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        std::mt19937_64 random(seed);
        fs::remove_all(directory());
        fs::copy(good, directory(), fs::copy_options::recursive);
        constexpr const char* kKinds[] = {".log", ".sst", "MANIFEST-", "CURRENT"};
        fs::path file = directory() / "acknowledged";
        if (seed % 5 < 4) {
            const std::vector<fs::path> candidates = files(kKinds[seed % 5]);
            file = candidates[random() % candidates.size()];
        }
        flip(file, random() % fs::file_size(file), static_cast<unsigned>(random() % 8));
        const CheckReport before = check();
        found += has_damage(before.findings);
        const RepairReport report = repair();
        EXPECT_FALSE(has_damage(report.after.findings))
            << testing::PrintToString(report.after.findings);
        lossy += !report.lost.empty();
        SeqSet gone;
        for (const SeqRange& range : report.lost) gone.add(range);
        log_.options.on_corruption = OnCorruption::refuse;
        const Result<void> opened = log_.try_open();
        ASSERT_TRUE(opened) << opened.error().detail;
        for (Seq seq{1}; seq <= Seq{kEntries}; seq = seq.next()) {
            const Result<Entry> one = log_->get(seq);
            EXPECT_EQ(one.has_value(), !gone.find(seq)) << seq.value;
        }
        log_.close();
    }
    fs::remove_all(good);
    EXPECT_GT(found, 30U);
    EXPECT_GT(lossy, 10U);
}

}  // namespace
}  // namespace holdfast::wal
