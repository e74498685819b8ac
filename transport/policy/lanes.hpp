// The entries that one destination holds: in their lanes, and those that are the first of all of
// their lanes in the schedule: waiting for their time, or ready for what they are sent by.
//
// An entry in several lanes is a barrier: it goes when it is the first in each, and none behind it
// in any goes before it. A lane with an essential entry in it is essential up to there: what stands
// in front of that must go first.
//
// Why intrusive: there may be a million of them, most alone in their lanes. One allocation of 112
// bytes each; a list, two maps and their nodes took 230.
//
// Pure. One thread.
#pragma once

#include "proto/event.hpp"
#include "proto/seq.hpp"
#include "proto/time.hpp"

#include <boost/container/static_vector.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/intrusive/unordered_set.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

namespace holdfast::transport {

struct ScheduleTag;
struct LaneTag;
using ScheduleHook = boost::intrusive::set_base_hook<boost::intrusive::tag<ScheduleTag>,
                                                     boost::intrusive::optimize_size<true>>;
using LaneHook = boost::intrusive::unordered_set_base_hook<boost::intrusive::tag<LaneTag>>;

// The place of an entry in one lane.
struct Place : LaneHook {
    Lane lane{};

private:
    friend class Lanes;
    Place* next_ = nullptr;              // in its lane; the last one's is the first
    std::uint32_t essentials_ : 31 = 0;  // in the whole lane; kept in the last one
    std::uint32_t is_barrier_ : 1 = 0;   // else it is a Held
};

// An entry that is held. It is its place in its own lane.
struct Held : ScheduleHook, Place {
    std::uint32_t refused_at = 0;  // Gates::credential_passes() then, with was_refused
    Seq seq;
    std::uint64_t chance = 0;  // of its backoff: backoff_chance()
    WallTime accepted_at;
    WallTime first_attempt_at;  // once there were attempts
    Instant not_before{};
    std::uint32_t attempts : 28 = 0;
    // It may be one of so many in a request, as a power of two.
    std::uint32_t share : 4 = 0;
    std::uint16_t size = 0;  // in kSizeUnit of what it adds to a request, if it may share one
    Operation operation{};
    bool was_refused : 1 = false;           // with 401 or 403
    bool waits_for_credential : 1 = false;  // and for nothing else
    bool is_essential : 1 = false;
    bool is_in_flight : 1 = false;
    bool is_sheddable : 1 = false;
    bool has_also : 1 = false;  // it is in other lanes too

    static constexpr std::size_t kSizeUnit = 64;    // bytes
    static constexpr std::uint32_t kShareMax = 15;  // no limit
    static constexpr std::uint32_t kAttemptsMax = (1U << 28U) - 1;

    [[nodiscard]] Kind kind() const { return info(operation).kind; }

    [[nodiscard]] Endpoint endpoint() const { return endpoint_of(kind()); }

private:
    friend class Lanes;
    bool is_ready_ : 1 = false;   // is in a set of those that are ready …
    bool is_urgent_ : 1 = false;  // … of essential lanes
};

static_assert(sizeof(Held) <= 104, "one more word is a million of them");

class Lanes {
public:
    Lanes();
    ~Lanes();
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;

    // Puts a copy at the end of its lane and of the others; in the order of seqs. `also`: each
    // once, and not its own.
    Held& add(const Held& entry, const AlsoLanes& also = {});

    // Nothing is in front of it.
    [[nodiscard]] bool is_first(const Held& held) const;

    // The one right behind it in its lane, if both are in no other lane.
    [[nodiscard]] Held* after(const Held& held) const;

    // So many are in its lane.
    [[nodiscard]] std::uint32_t essentials(const Held& held) const;

    // Those that are first now, and were not.
    using Freed = boost::container::static_vector<Held*, kAlsoLanesMax + 1>;

    // One that is first, and not in the schedule, is gone.
    [[nodiscard]] Freed pop(Held& first);

    [[nodiscard]] std::size_t size() const { return size_; }

    // Looks at each.
    [[nodiscard]] std::size_t count(const std::function<bool(const Held&)>& which) const;

    // --- the schedule: only those that are first, and each once ---

    // Until its not_before.
    void wait(Held& first);
    void make_ready(Held& first);

    // Takes the earliest out of those that wait, if its time has come.
    [[nodiscard]] Held* take_due(Instant now);

    // Takes it out of those that are ready.
    void take_ready(Held& first);

    struct BySeq {
        bool operator()(const Held& a, const Held& b) const { return a.seq < b.seq; }
    };

    using Ready = boost::intrusive::set<Held,
                                        boost::intrusive::base_hook<ScheduleHook>,
                                        boost::intrusive::compare<BySeq>,
                                        boost::intrusive::constant_time_size<false>>;

    // Those of the kind that are ready, the oldest first: of essential lanes, or of the others.
    [[nodiscard]] Ready& ready(Kind kind, bool urgent) {
        return ready_[2 * static_cast<std::size_t>(kind) + (urgent ? 1 : 0)];
    }

    [[nodiscard]] const Ready& ready(Kind kind, bool urgent) const {
        return ready_[2 * static_cast<std::size_t>(kind) + (urgent ? 1 : 0)];
    }

    // One that is ready, is sheddable, and stands in front of nothing essential.
    [[nodiscard]] Held* first_to_shed() const {
        return to_shed_.empty() ? nullptr : *to_shed_.begin();
    }

    // When the first of those that wait is due.
    [[nodiscard]] std::optional<Instant> next_due() const;

    // Those of these that wait are due now.
    void stop_waiting(const std::function<bool(const Held&)>& which);

private:
    // Where an entry of several lanes stands in one that is not its own.
    struct Barrier : Place {
        Held* held = nullptr;
    };

    // Of an entry of several lanes.
    struct Spread {
        std::size_t behind = 0;  // in so many of them somebody is in front of it
        boost::container::static_vector<std::unique_ptr<Barrier>, kAlsoLanesMax> barriers;
    };

    struct LaneOf {
        using type = Lane;

        Lane operator()(const Place& place) const { return place.lane; }
    };

    struct LaneHash {
        std::size_t operator()(Lane lane) const { return static_cast<std::size_t>(lane); }
    };

    struct ByAge {
        bool operator()(const Held* a, const Held* b) const { return a->seq < b->seq; }
    };

    struct ByTime {
        bool operator()(const Held& a, const Held& b) const {
            return a.not_before != b.not_before ? a.not_before < b.not_before : a.seq < b.seq;
        }
    };

    // Of each lane the last.
    using Table = boost::intrusive::unordered_set<Place,
                                                  boost::intrusive::base_hook<LaneHook>,
                                                  boost::intrusive::key_of_value<LaneOf>,
                                                  boost::intrusive::hash<LaneHash>,
                                                  boost::intrusive::power_2_buckets<true>>;
    using Waiting = boost::intrusive::set<Held,
                                          boost::intrusive::base_hook<ScheduleHook>,
                                          boost::intrusive::compare<ByTime>,
                                          boost::intrusive::constant_time_size<false>>;
    using Buckets = std::vector<Table::bucket_type>;

    static Held& held_of(Place& place);
    void resize(std::size_t buckets);
    bool enter(Place& place, bool is_essential);
    void leave(Place& place, bool is_essential, Freed& freed);

    [[nodiscard]] Place& first_of(const Place& last) const { return *last.next_; }

    [[nodiscard]] bool has_essential(Lane lane) const;
    [[nodiscard]] bool is_urgent(const Held& first) const;
    void promote(Place& first);

    Buckets buckets_;
    Table lasts_;
    std::array<Ready, 2 * kKindCount> ready_;
    Waiting waiting_;
    std::set<Held*, ByAge> to_shed_;
    std::unordered_map<const Held*, Spread> spreads_;
    std::size_t size_ = 0;
};

}  // namespace holdfast::transport
