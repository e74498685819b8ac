// The entries that one destination holds: in their lanes, and of each lane the first in the
// schedule: waiting for its time, or ready for its endpoint.
//
// Why intrusive: there may be a million of them, most alone in their lanes. One allocation of 112
// bytes each; a list, two maps and their nodes took 230.
//
// Pure. One thread.
#pragma once

#include "proto/event.hpp"
#include "proto/seq.hpp"
#include "proto/time.hpp"

#include <boost/intrusive/set.hpp>
#include <boost/intrusive/unordered_set.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace holdfast::transport {

struct ScheduleTag;
struct LaneTag;
using ScheduleHook = boost::intrusive::set_base_hook<boost::intrusive::tag<ScheduleTag>,
                                                     boost::intrusive::optimize_size<true>>;
using LaneHook = boost::intrusive::unordered_set_base_hook<boost::intrusive::tag<LaneTag>>;

// An entry that is held.
struct Held : ScheduleHook, LaneHook {
    Seq seq;
    Lane lane{};
    std::uint64_t chance = 0;  // of its backoff: backoff_chance()
    WallTime accepted_at;
    WallTime first_attempt_at;  // once there were attempts
    Instant not_before{};
    std::uint64_t refused_at = 0;  // Gates::credential_passes() then, with was_refused
    std::uint32_t attempts = 0;
    Operation operation{};
    bool was_refused = false;           // with 401 or 403
    bool waits_for_credential = false;  // and for nothing else

    [[nodiscard]] Endpoint endpoint() const { return info(operation).endpoint(); }

private:
    friend class Lanes;
    Held* next_ = nullptr;  // in its lane; the last one's is the first
};

class Lanes {
public:
    Lanes();
    ~Lanes();
    Lanes(const Lanes&) = delete;
    Lanes& operator=(const Lanes&) = delete;

    // Puts a copy at the end of its lane; true when it is the first there. In the order of seqs.
    [[nodiscard]] bool add(const Held& entry);

    // The first of a lane that has one.
    [[nodiscard]] Held& first(Lane lane);

    // The first of the lane, which is not in the schedule, is gone. Returns the next, if any.
    [[nodiscard]] Held* pop(Lane lane);

    // --- the schedule: only the first of a lane, and each once ---

    // Until its not_before.
    void wait(Held& first);
    void make_ready(Held& first);

    // Takes the earliest out of those that wait, if its time has come.
    [[nodiscard]] Held* take_due(Instant now);

    // Takes it out of those that are ready.
    void take_ready(Held& first);

    // The oldest; nullptr: none is ready for that endpoint.
    [[nodiscard]] Held* oldest_ready(Endpoint endpoint);

    // When the first of those that wait is due.
    [[nodiscard]] std::optional<Instant> next_due() const;

    // Those of these that wait are due now.
    void stop_waiting(const std::function<bool(const Held&)>& which);

private:
    struct LaneOf {
        using type = Lane;

        Lane operator()(const Held& held) const { return held.lane; }
    };

    struct LaneHash {
        std::size_t operator()(Lane lane) const { return static_cast<std::size_t>(lane); }
    };

    struct BySeq {
        bool operator()(const Held& a, const Held& b) const { return a.seq < b.seq; }
    };

    struct ByTime {
        bool operator()(const Held& a, const Held& b) const {
            return a.not_before != b.not_before ? a.not_before < b.not_before : a.seq < b.seq;
        }
    };

    // Of each lane the last.
    using Table = boost::intrusive::unordered_set<Held,
                                                  boost::intrusive::base_hook<LaneHook>,
                                                  boost::intrusive::key_of_value<LaneOf>,
                                                  boost::intrusive::hash<LaneHash>,
                                                  boost::intrusive::power_2_buckets<true>>;
    using Ready = boost::intrusive::set<Held,
                                        boost::intrusive::base_hook<ScheduleHook>,
                                        boost::intrusive::compare<BySeq>,
                                        boost::intrusive::constant_time_size<false>>;
    using Waiting = boost::intrusive::set<Held,
                                          boost::intrusive::base_hook<ScheduleHook>,
                                          boost::intrusive::compare<ByTime>,
                                          boost::intrusive::constant_time_size<false>>;
    using Buckets = std::vector<Table::bucket_type>;

    void resize(std::size_t buckets);

    [[nodiscard]] Ready& ready(Endpoint endpoint) {
        return ready_[static_cast<std::size_t>(endpoint)];
    }

    Buckets buckets_;
    Table lasts_;
    std::array<Ready, kEndpointCount> ready_;
    Waiting waiting_;
};

}  // namespace holdfast::transport
