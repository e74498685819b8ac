// The log as the delivery side knows it (wal/log.hpp), without a disk: marks are written a few
// milliseconds late, synced when somebody asks for it, and what was not is forgotten by a crash.
//
// Marks ride in one order, as in the real log: a crash leaves a beginning of them.
#pragma once

#include "plan.hpp"
#include "wal/log.hpp"
#include "world.hpp"

#include <any>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <variant>
#include <vector>

namespace holdfast::sim {

using GatesSnapshot = std::array<transport::Gates::Snapshot, kEndpointCount>;

class SimLog {
public:
    using Mark = wal::Log::Mark;

    explicit SimLog(World& world) : world_(world) {}

    // --- the app's side: durable at once ---
    void append(const Accepted& event);

    // --- the delivery side ---
    [[nodiscard]] wal::Taken take(std::size_t count_max);
    void complete(Seq seq, Mark how);
    void retry(Seq seq, const wal::Retry& retry, Mark how);
    void fail(Seq seq, const wal::Failure& failure, Mark how);
    // `then` is told whether it is on the disk.
    void intend(Seq seq, const wal::Retry& retry, std::function<void(bool stored)> then);
    void park(Seq seq);
    // `model` is the checker's own idea of what is saved; the log keeps the two together.
    void save(const GatesSnapshot& gates, std::any model);
    void save(transport::Level level);

    // --- faults ---
    // Ends what the process held; with a power cut also what was written and not synced, as far as
    // chance has it. Opens it again.
    void crash(bool power_cut);
    bool is_in_trouble = false;  // some reads and some intents fail

    // --- looking ---
    [[nodiscard]] const Accepted& event(Seq seq) const { return events_.at(seq); }

    [[nodiscard]] const std::map<Seq, Accepted>& events() const { return events_; }

    // The unsettled entries of each lane, the barriers in it too.
    [[nodiscard]] const std::map<Lane, std::set<Seq>>& lanes() const { return lanes_; }

    [[nodiscard]] const std::set<Seq>& unsettled() const { return unsettled_; }

    // Of all of its lanes.
    [[nodiscard]] bool is_first(Seq seq) const;

    // The delivery side was told of it in this life.
    [[nodiscard]] bool is_taken(Seq seq) const { return !to_take_.contains(seq); }

    // It is essential, or an essential one that was taken stands behind it in one of its lanes.
    [[nodiscard]] bool is_urgent(Seq seq) const;

    [[nodiscard]] const std::map<Seq, wal::Retry>& retries() const { return retries_; }

    [[nodiscard]] const std::map<Seq, wal::Failure>& failed() const { return failed_; }

    [[nodiscard]] std::size_t parked() const { return parked_.size(); }

    [[nodiscard]] const std::optional<GatesSnapshot>& gates() const { return gates_; }

    [[nodiscard]] const std::any& gates_model() const { return model_; }

    [[nodiscard]] transport::Level level() const { return level_; }

    [[nodiscard]] bool was_opened_before() const { return life_ > 0; }

private:
    struct Complete {
        Seq seq;
    };

    struct Retrying {
        Seq seq;
        wal::Retry retry;
    };

    struct Fail {
        Seq seq;
        wal::Failure failure;
    };

    struct Park {
        Seq seq;
    };

    struct Save {
        GatesSnapshot gates;
        std::any model;
    };

    struct SaveLevel {
        transport::Level level;
    };

    using Change = std::variant<Complete, Retrying, Fail, Park, Save, SaveLevel>;

    struct Intent {
        std::size_t upto;  // so many changes must be durable
        std::function<void(bool)> then;
    };

    void put(Change change, Mark how);
    void write_soon();
    void sync();
    void apply(const Complete& change);
    void apply(const Retrying& change);
    void apply(const Fail& change);
    void apply(const Park& change);
    void apply(const Save& change);
    void apply(const SaveLevel& change);
    void enter(const Accepted& event);
    void settle(Seq seq);

    World& world_;
    std::uint64_t life_ = 0;  // what was begun in another is void
    std::map<Seq, Accepted> events_;
    std::vector<Change> changes_;
    std::size_t written_ = 0;
    std::size_t durable_ = 0;
    bool write_is_due_ = false;
    bool is_syncing_ = false;
    bool wants_sync_ = false;
    std::vector<Intent> intents_;

    // What the changes come to.
    std::map<Lane, std::set<Seq>> lanes_;
    std::set<Seq> unsettled_;
    std::map<Seq, wal::Retry> retries_;
    std::map<Seq, wal::Failure> failed_;
    std::set<Seq> parked_;
    std::optional<GatesSnapshot> gates_;
    std::any model_;
    transport::Level level_ = transport::Level::full;
    std::set<Seq> to_take_;
};

}  // namespace holdfast::sim
