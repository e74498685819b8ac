// Looking at a log that is open, step by step: first each table file, then marks, then entries.
#include "wal/check_records.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>
#include <charconv>

namespace holdfast::wal {
namespace {

// Of one step: some milliseconds, unless the disk is slow.
constexpr CheckBudget kStep{.records = 4096, .bytes = std::uint64_t{1} << 20U};

// Where a step begins, as text: the part, and in it a table's name, a mark's key in hex or a seq.
constexpr char kTables = 't';
constexpr char kMarks = 'm';
constexpr char kEntries = 'e';

std::string hex_of(std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    std::string hex;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        hex += {kDigits[byte >> 4U], kDigits[byte & 0xfU]};
    }
    return hex;
}

std::optional<std::string> from_hex(std::string_view hex) {
    if (hex.size() % 2 != 0) return std::nullopt;
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        unsigned byte = 0;
        const char* end = hex.data() + i + 2;
        const auto [rest, wrong] = std::from_chars(hex.data() + i, end, byte, 16);
        if (wrong != std::errc() || rest != end) return std::nullopt;
        bytes.push_back(static_cast<char>(byte));
    }
    return bytes;
}

std::optional<Seq> seq_from(std::string_view text) {
    std::uint64_t value = 0;
    const char* end = text.data() + text.size();
    const auto [rest, wrong] = std::from_chars(text.data(), end, value);
    if (wrong != std::errc() || rest != end) return std::nullopt;
    return Seq{value};
}

Error wrong_place(const std::string& from) {
    return {Errc::bad_input, "\"" + from + "\" is not where a check goes on"};
}

// One that a compaction has replaced meanwhile is no finding.
void check_one_table(const Store& store, const std::string& name, Findings& findings) {
    const Result<void> whole = store.check_table(name);
    if (whole) return;
    const std::vector<std::string> now = store.tables();
    if (std::find(now.begin(), now.end(), name) == now.end()) return;
    findings.add(Kind::table_damaged, name, whole.error().detail);
}

}  // namespace

// The next table after the one of this name. False: there is none.
bool Log::Impl::check_next_table(const std::string& after,
                                 Findings& findings,
                                 CheckStep& step) const {
    const std::vector<std::string> tables = store_.tables();
    const auto found = std::upper_bound(tables.begin(), tables.end(), after);
    if (found == tables.end()) return false;
    check_one_table(store_, *found, findings);
    ++step.counts.tables;
    step.next = kTables + *found;
    return true;
}

Result<void> Log::Impl::check_records(const std::string& from,
                                      Findings& findings,
                                      CheckStep& step) const {
    const auto passes_over = [this](Seq seq) -> std::optional<SeqRange> {
        if (seq < tail()) return SeqRange{seq, tail().previous()};
        return lost_at(seq);
    };
    RecordCheck records(store_, findings, passes_over);
    Seq begin = step.tail;
    if (from[0] == kMarks) {
        const std::optional<std::string> key = from_hex(std::string_view(from).substr(1));
        if (!key) return wrong_place(from);
        Result<std::optional<std::string>> next = records.marks(*key, kStep);
        if (!next) return next.error();
        step.next = *next ? kMarks + hex_of(**next) : kEntries + std::to_string(begin.value);
    } else {
        const std::optional<Seq> seq = seq_from(std::string_view(from).substr(1));
        if (from[0] != kEntries || !seq) return wrong_place(from);
        begin = std::max(begin, *seq);
        Result<std::optional<Seq>> next = records.entries(begin, step.head, kStep);
        if (!next) return next.error();
        step.next = *next ? kEntries + std::to_string((*next)->value) : "";
    }
    step.counts = records.counts();
    return {};
}

Result<CheckStep> Log::check(const std::string& from) const {
    CheckStep step;
    {
        const std::scoped_lock lock(impl_->mutex_);
        if (!impl_->ok_) return Error{Errc::storage_failed, impl_->reason_};
        step.tail = impl_->tail();
        step.head = impl_->head_;
    }
    Findings findings;
    const bool is_table = from.empty() || from[0] == kTables;
    if (is_table) {
        const std::string after = from.empty() ? "" : from.substr(1);
        if (!impl_->check_next_table(after, findings, step)) step.next = kMarks;
    } else {
        Result<void> looked = impl_->check_records(from, findings, step);
        if (!looked) return looked.error();
    }
    if (from.empty()) {
        for (const SeqRange& range : health().lost) findings.add(Kind::lost_before, "", range);
    }
    step.findings = findings.all();
    return step;
}

}  // namespace holdfast::wal
