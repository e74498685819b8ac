// Reads what is in a log, piece by piece, and finds what cannot be read or does not fit together.
// Entries are counted by their seqs: RocksDB 7.8.3 may end a scan early and say nothing.
//
// Thread: one; the store may be used by others at the same time.
#pragma once

#include "proto/event.hpp"
#include "wal/finding.hpp"
#include "wal/keys.hpp"
#include "wal/store.hpp"

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::wal {

// How much one call reads, about.
struct CheckBudget {
    std::uint64_t records = std::numeric_limits<std::uint64_t>::max();
    std::uint64_t bytes = std::numeric_limits<std::uint64_t>::max();
};

class RecordCheck {
public:
    using PassesOver = std::function<std::optional<SeqRange>(Seq)>;

    // `passes_over`: the range with this seq that need not be there.
    RecordCheck(const Store& store, Findings& findings, PassesOver passes_over)
        : store_(store), findings_(findings), passes_over_(std::move(passes_over)) {}

    // Called with what can be read.
    std::function<void(Space, std::string_view key, std::string_view value)> on_mark;
    std::function<void(Seq, const Event&)> on_entry;

    // Begins at this key and returns where to go on; nullopt: that was all. Errors: storage_failed.
    [[nodiscard]] Result<std::optional<std::string>> marks(const std::string& from,
                                                           const CheckBudget& budget);

    // The same for the entries in [from, to].
    [[nodiscard]] Result<std::optional<Seq>> entries(Seq from, Seq to, const CheckBudget& budget);

    [[nodiscard]] const CheckCounts& counts() const { return counts_; }

private:
    [[nodiscard]] bool is_spent(const CheckBudget& budget) const;
    void look_at_mark(Space space, std::string_view key, std::string_view value);
    void look_at_entry(Seq seq, std::string_view value);
    [[nodiscard]] Result<Seq> scan_entries(Seq from, Seq to, const CheckBudget& budget);
    [[nodiscard]] Result<bool> look_alone(Seq seq);
    [[nodiscard]] Result<void> look_for_records();

    struct NeedsRecord {
        Space space;
        Seq seq;
    };

    const Store& store_;
    Findings& findings_;
    const PassesOver passes_over_;
    CheckCounts counts_;
    std::vector<NeedsRecord> need_records_;
};

}  // namespace holdfast::wal
