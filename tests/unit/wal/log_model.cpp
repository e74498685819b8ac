#include "tests/unit/wal/log_model.hpp"

#include "tests/unit/wal/log_under_test.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <set>
#include <vector>

namespace holdfast::wal {
namespace {

using Disk = LogUnderTest::Disk;

enum class Kind { pending, complete, failed, replayed, dropped };

struct State {
    Kind kind = Kind::pending;
    bool parked = false;
    std::optional<Retry> retry;

    bool operator==(const State&) const = default;
};

std::string text_of(const State& state) {
    constexpr const char* kKinds[] = {"pending", "complete", "failed", "replayed", "dropped"};
    std::string text = kKinds[static_cast<std::size_t>(state.kind)];
    if (state.parked) text += ", parked";
    if (state.retry) text += fmt::format(", {} attempts", state.retry->attempts);
    if (state.retry && state.retry->intended) text += ", in doubt";
    return text;
}

std::string text_of(const std::vector<State>& states) {
    std::string text;
    for (const State& state : states) text += (text.empty() ? "" : "; ") + text_of(state);
    return text;
}

struct Known {
    Seq seq;
    std::string destination;
    std::string body;
    // What a crash may leave: the durable state first, the present one last.
    std::vector<State> states = {State{}};
    bool handed_out = false;  // since the opening

    [[nodiscard]] const State& now() const { return states.back(); }
};

// Appended, and nothing is known of it.
struct Doubtful {
    std::string destination;
    std::string body;
    std::optional<Ulid> replaces;
};

class Trial {
public:
    Trial(std::uint64_t seed, const TrialOptions& options) : options_(options), random_(seed) {
        log_.options.reclaim_every = std::chrono::milliseconds(1 + below(20));
        log_.options.history = std::chrono::seconds(below(3) == 0 ? 100 : 0);
        log_.options.mark_delay = std::chrono::milliseconds(below(3));
        log_.options.write_here_max = std::chrono::hours(below(2));
        log_.disk().lie_about_sync(options.disk_lies_about_sync);
    }

    TrialResult run() {
        open();
        for (int step = 0; step < options_.steps && ok(); ++step) {
            log_.advance(std::chrono::seconds(1));
            do_something();
            mend();
        }
        if (ok()) crash();
        if (ok()) stop_cleanly();
        log_.close();
        if (!ok()) result_.violation += ". The log's notes:\n" + log_.reports().notes();
        return std::move(result_);
    }

private:
    [[nodiscard]] bool ok() const { return result_.violation.empty(); }

    template <class... Arguments>
    void violated(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
        if (ok()) result_.violation = fmt::format(format, std::forward<Arguments>(arguments)...);
    }

    std::uint64_t below(std::uint64_t end) { return random_() % end; }

    std::string any_destination() { return kDestinations[below(kDestinations.size())]; }

    void do_something() {
        const std::uint64_t what = below(100);
        if (what < 25) return append();
        if (what < 40) return take(any_destination());
        if (what < 72) return mark();
        if (what < 77) return intend();
        if (what < 81) return replay();
        if (what < 83) return drop();
        if (what < 87) return fault();
        if (what < 90) return log_.disk().cut_power(below(40));
        if (what < 96) return crash();
        stop_cleanly();
    }

    // --- what it does ---

    void append() {
        std::vector<Ticket> tickets;
        std::map<Ticket, Doubtful> sent;
        std::map<Ticket, Ulid> ids;
        for (std::uint64_t count = 1 + below(4); count > 0; --count) {
            Doubtful one{any_destination(), "body " + std::to_string(++bodies_), {}};
            const Ulid id = log_.make_id();
            const Ticket ticket = ++tickets_;
            Event event = event_of(id, one);
            if (!log_->append(event, ticket)) continue;
            tickets.push_back(ticket);
            sent.emplace(ticket, one);
            ids.emplace(ticket, id);
        }
        log_->write();
        const bool all_stored = log_.reports().wait_for(tickets);
        for (const Ticket ticket : tickets) reported(ticket, ids.at(ticket), sent.at(ticket));
        if (all_stored && !tickets.empty()) barrier();
    }

    Event event_of(const Ulid& id, const Doubtful& one) {
        Event event;
        event.id = id;
        event.accepted_at = log_.now();
        event.destination = one.destination;
        event.target = "/";
        event.body = one.body;
        return event;
    }

    void reported(Ticket ticket, const Ulid& id, const Doubtful& one) {
        const std::map<Ticket, Seq> stored = log_.reports().stored();
        if (const auto found = stored.find(ticket); found != stored.end()) {
            ++result_.acknowledged;
            appeared(id, found->second, one);
        } else if (log_.reports().refused().at(ticket)) {
            doubtful_.emplace(id, one);
        }
    }

    void appeared(const Ulid& id, Seq seq, const Doubtful& one) {
        for (const auto& [other, known] : entries_) {
            if (known.seq == seq) violated("seq {} was given twice", seq.value);
        }
        entries_.emplace(id, Known{seq, one.destination, one.body});
        if (!one.replaces) return;
        // Where its end was lost with a hole in the log it waits again, and so does its repeat.
        Known& old = entries_.at(*one.replaces);
        if (old.now().kind != Kind::pending) old.states = {State{Kind::replayed, false, {}}};
    }

    // All marks that were made before are durable.
    void barrier() {
        intent_is_unreported_ = false;
        for (auto& [id, known] : entries_) known.states = {known.now()};
    }

    Known* any(Kind kind, bool handed_out) {
        std::vector<Known*> found;
        for (auto& [id, known] : entries_) {
            if (known.now().kind == kind && known.handed_out == handed_out) {
                found.push_back(&known);
            }
        }
        return found.empty() ? nullptr : found[below(found.size())];
    }

    void mark() {
        Known* known = any(Kind::pending, true);
        if (known == nullptr) return take(any_destination());
        const auto how = below(4) == 0 ? Log::Mark::synced : Log::Mark::lazy;
        State state = known->now();
        const bool forget = options_.forgets_a_mark && below(4) == 0;
        switch (below(4)) {
            case 0:
                state = State{Kind::complete, false, {}};
                if (!forget) log_->complete(known->destination, known->seq, how);
                break;
            case 1:
                state = State{Kind::failed, false, {}};
                log_->fail(known->destination, known->seq, Failure{}, how);
                break;
            case 2:
                state.retry = any_retry();
                log_->retry(known->destination, known->seq, *state.retry, how);
                break;
            default:
                state.parked = true;
                log_->park(known->destination, known->seq);
        }
        known->states.push_back(std::move(state));
    }

    Retry any_retry() {
        Retry retry;
        retry.attempts = static_cast<std::uint32_t>(below(100));
        retry.next_attempt_at = log_.now();
        retry.reason = std::to_string(random_());
        return retry;
    }

    void intend() {
        Known* known = any(Kind::pending, true);
        if (known == nullptr) return;
        State state = known->now();
        state.retry = any_retry();
        state.retry->intended = true;
        intent_is_unreported_ = true;
        const Ticket ticket = ++tickets_;
        log_->intend(known->destination, known->seq, *state.retry, ticket);
        known->states.push_back(std::move(state));
        // While the log is broken it is reported only later, or never.
        if (!log_->health().ok) return;
        if (log_.reports().wait_for({ticket})) barrier();
    }

    void replay() {
        Known* known = any(Kind::failed, below(2) == 0);
        if (known == nullptr) return;
        const auto old = std::find_if(entries_.begin(), entries_.end(), [&](const auto& one) {
            return &one.second == known;
        });
        const Ulid id = log_.make_id();
        const Ticket ticket = ++tickets_;
        const Doubtful one{known->destination, known->body, old->first};
        const Result<Seq> seq = log_->replay(known->seq, id, log_.now(), ticket);
        if (!seq) {
            if (seq.error().code != Errc::storage_failed && seq.error().code != Errc::disk_full) {
                violated("replay of {}: {}", known->seq.value, seq.error().detail);
            }
            return;
        }
        const bool stored = log_.reports().wait_for({ticket});
        reported(ticket, id, one);
        if (stored) barrier();
    }

    void drop() {
        Known* known = any(Kind::failed, below(2) == 0);
        if (known == nullptr) return;
        const Ticket ticket = ++tickets_;
        if (const Result<void> dropped = log_->drop(known->seq, log_.now(), ticket); !dropped) {
            const Errc code = dropped.error().code;
            if (code != Errc::storage_failed && code != Errc::disk_full) {
                violated("drop of {}: {}", known->seq.value, dropped.error().detail);
            }
            return;
        }
        known->states.push_back(State{Kind::dropped, false, {}});
        if (log_.reports().wait_for({ticket})) barrier();
    }

    void fault() {
        const auto status = below(2) == 0 ? rocksdb::IOStatus::IOError("injected")
                                          : rocksdb::IOStatus::NoSpace("injected");
        const auto ops = static_cast<unsigned>(1 + below(Disk::kAnyOp));
        log_.disk().fail(ops, below(12), 1 + below(3), status);
    }

    // --- what must hold ---

    // A log that failed opens again; what was in doubt is there then, or gone for good.
    void mend() {
        if (!ok()) return;
        if (log_.disk().power_is_off()) return crash();
        if (!log_.reports().is_broken() && doubtful_.empty()) return;
        ++result_.failures;
        log_.disk().heal();
        log_.disk().cut_power(~std::uint64_t{0});
        log_.reports().wait_until_mended();
        resolve_running();
    }

    void crash() {
        log_.crash(random_());
        open();
    }

    void stop_cleanly() {
        log_.disk().heal();
        log_.disk().cut_power(~std::uint64_t{0});
        if (options_.stops_are_crashes) {
            log_.crash(random_());
            barrier();
            return open();
        }
        log_.close();
        if (!log_.reports().is_broken()) barrier();
        if (below(2) == 0) log_.crash(random_());
        open();
    }

    void open() {
        ++result_.openings;
        if (const Result<void> opened = log_.try_open(); !opened) {
            return violated("open: {}", opened.error().detail);
        }
        for (const std::string& name : kDestinations) log_->add_destination(name);
        for (auto& [id, known] : entries_) known.handed_out = false;
        last_fresh_.clear();
        for (const std::string& name : kDestinations) {
            Seq last;
            for (const Pending& one : log_.take_all(name)) {
                if (one.seq <= last) violated("{} after {}", one.seq.value, last.value);
                last = one.seq;
                found_at_opening(one, name);
            }
        }
        for (auto& [id, known] : entries_) {
            if (!known.handed_out) settled_at_opening(known);
        }
        forget_doubts();
        barrier();
        check_counts();
    }

    void found_at_opening(const Pending& one, const std::string& destination) {
        if (doubt_is_resolved(one, destination)) return;
        const auto found = entries_.find(one.id);
        if (found == entries_.end()) return violated("unexpected entry {}", one.seq.value);
        Known& known = found->second;
        check_same(known, one, destination);
        const State state{Kind::pending, one.parked, one.retry};
        const auto is_it = [&](const State& other) { return may_be(one, other); };
        if (std::none_of(known.states.begin(), known.states.end(), is_it)) {
            return violated("entry {} came again in a state that it was not in: {}, and was {}",
                            one.seq.value,
                            text_of(state),
                            text_of(known.states));
        }
        if (known.now().kind != Kind::pending) ++result_.came_again;
        known.states = {state};
        known.handed_out = true;
    }

    // An intent that nobody was told of may lie behind a hole. The log cannot tell whether it had
    // been synced before the hole came, and then all that waits may have been sent.
    bool may_be(const Pending& one, const State& expected) {
        const State found{Kind::pending, one.parked, one.retry};
        if (found == expected) return true;
        if (expected.kind != Kind::pending || !found.retry || !found.retry->intended) return false;
        if (!intent_is_unreported_ && one.seq > in_doubt_to_) return false;
        State doubted = expected;
        if (!doubted.retry) doubted.retry.emplace();
        doubted.retry->intended = true;
        if (found != doubted) return false;
        if (intent_is_unreported_) in_doubt_to_ = log_->health().head;
        return true;
    }

    void settled_at_opening(Known& known) {
        const Result<Description> description = log_->describe(known.seq);
        if (!description && description.error().code != Errc::not_found) {
            return violated("entry {}: {}", known.seq.value, description.error().detail);
        }
        const bool is_failed = description && description->state == EntryState::failed;
        const bool is_dropped = description && description->state == EntryState::dropped;
        for (const State& state : known.states) {
            if (state.kind == Kind::pending || (state.kind == Kind::failed) != is_failed) continue;
            // One whose record is gone does not say how it ended.
            if (description && (state.kind == Kind::dropped) != is_dropped) continue;
            const State chosen = state;
            known.states = {chosen};
            return;
        }
        violated("entry {} is lost: {} now",
                 known.seq.value,
                 description ? to_string(description->state) : "nowhere");
    }

    void check_same(const Known& known, const Pending& one, const std::string& destination) {
        if (known.handed_out) violated("entry {} was handed out twice", one.seq.value);
        if (known.seq != one.seq || known.destination != destination) {
            violated("entry {} is not as it was", one.seq.value);
        }
        const Result<Entry> entry = log_->get(one.seq);
        // It may fail by itself just now.
        if (!entry && entry.error().code == Errc::storage_failed) return;
        if (!entry) return violated("entry {}: {}", one.seq.value, entry.error().detail);
        if (entry->event().body != known.body) violated("entry {} has changed", one.seq.value);
    }

    bool doubt_is_resolved(const Pending& one, const std::string& destination) {
        const auto found = doubtful_.find(one.id);
        if (found == doubtful_.end()) return false;
        ++result_.reappeared;
        appeared(one.id, one.seq, found->second);
        doubtful_.erase(found);
        Known& known = entries_.at(one.id);
        check_same(known, one, destination);
        known.handed_out = true;
        return true;
    }

    // What has not appeared by now is gone, and its dead letter is there.
    void forget_doubts() {
        for (const auto& [id, one] : doubtful_) {
            if (!one.replaces) continue;
            const Known& old = entries_.at(*one.replaces);
            const Result<Description> description = log_->describe(old.seq);
            if (old.now().kind == Kind::failed &&
                (!description || description->state != EntryState::failed)) {
                violated("dead letter {} is lost", old.seq.value);
            }
        }
        doubtful_.clear();
    }

    void take(const std::string& destination) {
        const Result<Taken> taken = log_->take(destination, 1 + below(8));
        if (!taken) return;
        for (const Pending& one : taken->entries) took(one, destination);
        if (taken->more || log_.reports().is_broken()) return;
        for (const auto& [id, known] : entries_) {
            if (known.destination == destination && known.now().kind == Kind::pending &&
                !known.handed_out) {
                violated("entry {} is not handed out", known.seq.value);
            }
        }
    }

    void took(const Pending& one, const std::string& destination) {
        Seq& last = last_fresh_[destination];
        if (one.seq <= last) violated("{} after {}", one.seq.value, last.value);
        last = one.seq;
        if (doubt_is_resolved(one, destination)) return;
        const auto found = entries_.find(one.id);
        if (found == entries_.end()) return violated("unexpected entry {}", one.seq.value);
        check_same(found->second, one, destination);
        found->second.handed_out = true;
        if (!may_be(one, found->second.now())) {
            violated("entry {} was handed out in another state", one.seq.value);
        }
    }

    // Without a new opening nothing is handed out again and no mark is lost.
    void resolve_running() {
        for (const std::string& name : kDestinations) {
            for (const Pending& one : log_.take_all(name)) took(one, name);
        }
        for (const auto& [id, known] : entries_) {
            if (known.now().kind == Kind::pending && !known.handed_out) {
                violated("entry {} is not handed out after reopening", known.seq.value);
            }
        }
        forget_doubts();
        check_counts();
    }

    void check_counts() {
        for (const std::string& name : kDestinations) {
            Counts expected;
            for (const auto& [id, known] : entries_) {
                if (known.destination != name) continue;
                expected.pending += known.now().kind == Kind::pending;
                expected.complete += known.now().kind == Kind::complete;
                expected.failed += known.now().kind == Kind::failed;
                expected.dropped += known.now().kind == Kind::dropped;
            }
            const Counts counts = log_->counts(name);
            if (counts == expected) continue;
            violated("{}: counts {}/{}/{}/{}, expected {}/{}/{}/{}",
                     name,
                     counts.pending,
                     counts.complete,
                     counts.failed,
                     counts.dropped,
                     expected.pending,
                     expected.complete,
                     expected.failed,
                     expected.dropped);
        }
    }

    inline static const std::vector<std::string> kDestinations = {"a", "b"};

    const TrialOptions options_;
    std::mt19937_64 random_;
    TrialResult result_;
    std::map<Ulid, Known> entries_;
    std::map<Ulid, Doubtful> doubtful_;
    std::map<std::string, Seq> last_fresh_;
    bool intent_is_unreported_ = false;
    Seq in_doubt_to_;  // what was found so once
    Ticket tickets_ = 0;
    std::uint64_t bodies_ = 0;
    LogUnderTest log_;
};

}  // namespace

TrialResult run_trial(std::uint64_t seed, const TrialOptions& options) {
    return Trial(seed, options).run();
}

}  // namespace holdfast::wal
