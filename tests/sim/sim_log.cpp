#include "sim_log.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::sim {

using namespace std::chrono_literals;

void SimLog::append(const Accepted& event) {
    events_.emplace(event.seq, event);
    enter(event);
}

void SimLog::enter(const Accepted& event) {
    for (const Lane lane : event.lanes()) lanes_[lane].insert(event.seq);
    unsettled_.insert(event.seq);
    to_take_.insert(event.seq);
}

bool SimLog::is_first(Seq seq) const {
    return unsettled_.contains(seq) && std::ranges::all_of(event(seq).lanes(), [&](Lane lane) {
               return *lanes_.at(lane).begin() == seq;
           });
}

bool SimLog::is_urgent(Seq seq) const {
    const auto is_essential = [this](Seq one) { return event(one).traits.is_essential; };
    if (is_essential(seq)) return true;
    return std::ranges::any_of(event(seq).lanes(), [&](Lane lane) {
        const auto found = lanes_.find(lane);
        if (found == lanes_.end()) return false;
        return std::any_of(found->second.upper_bound(seq), found->second.end(), [&](Seq behind) {
            return is_essential(behind) && is_taken(behind);
        });
    });
}

wal::Taken SimLog::take(std::size_t count_max) {
    wal::Taken taken;
    while (!to_take_.empty() && taken.entries.size() < count_max) {
        const Accepted& event = events_.at(*to_take_.begin());
        to_take_.erase(to_take_.begin());
        wal::Pending pending;
        pending.seq = event.seq;
        pending.id = event.id;
        pending.lane = event.lane;
        pending.also = event.also;
        pending.tag = agent::to_tag(event.traits);
        pending.operation = event.operation;
        pending.accepted_at = event.accepted_at;
        if (const auto retry = retries_.find(event.seq); retry != retries_.end()) {
            pending.retry = retry->second;
        }
        pending.parked = parked_.contains(event.seq);
        taken.entries.push_back(std::move(pending));
    }
    taken.more = !to_take_.empty();
    return taken;
}

void SimLog::complete(Seq seq, Mark how) {
    put(Complete{seq}, how);
}

void SimLog::retry(Seq seq, const wal::Retry& retry, Mark how) {
    put(Retrying{seq, retry}, how);
}

void SimLog::fail(Seq seq, const wal::Failure& failure, Mark how) {
    put(Fail{seq, failure}, how);
}

void SimLog::park(Seq seq) {
    put(Park{seq}, Mark::lazy);
}

void SimLog::save(const GatesSnapshot& gates, std::any model) {
    put(Save{gates, std::move(model)}, Mark::lazy);
}

void SimLog::save(transport::Level level) {
    put(SaveLevel{level}, Mark::synced);
}

void SimLog::intend(Seq seq, const wal::Retry& retry, std::function<void(bool)> then) {
    put(Retrying{seq, retry}, Mark::lazy);
    intents_.push_back({changes_.size(), std::move(then)});
    sync();
}

void SimLog::put(Change change, Mark how) {
    std::visit([this](const auto& what) { apply(what); }, change);
    changes_.push_back(std::move(change));
    if (how == Mark::synced) {
        sync();
    } else {
        write_soon();
    }
}

void SimLog::write_soon() {
    if (std::exchange(write_is_due_, true)) return;
    world_.after(5ms, [this, life = life_] {
        if (life != life_) return;
        write_is_due_ = false;
        written_ = changes_.size();
    });
}

void SimLog::sync() {
    wants_sync_ = true;
    if (is_syncing_) return;
    is_syncing_ = true;
    wants_sync_ = false;
    written_ = changes_.size();
    world_.after(world_.random.between(500us, 8ms), [this, life = life_, upto = written_] {
        if (life != life_) return;
        is_syncing_ = false;
        durable_ = upto;
        std::vector<Intent> waiting = std::exchange(intents_, {});
        for (Intent& intent : waiting) {
            if (intent.upto <= durable_) {
                intent.then(!(is_in_trouble && world_.random.chance(20)));
            } else {
                intents_.push_back(std::move(intent));
            }
        }
        if (wants_sync_) sync();
    });
}

void SimLog::crash(bool power_cut) {
    ++life_;
    const std::size_t left = power_cut ? world_.random.between(durable_, written_) : written_;
    changes_.resize(left);
    written_ = durable_ = left;
    write_is_due_ = is_syncing_ = wants_sync_ = false;
    intents_.clear();

    lanes_.clear();
    unsettled_.clear();
    retries_.clear();
    failed_.clear();
    parked_.clear();
    gates_.reset();
    model_.reset();
    level_ = transport::Level::full;
    to_take_.clear();
    for (const auto& [seq, event] : events_) enter(event);
    for (const Change& change : changes_) {
        std::visit([this](const auto& what) { apply(what); }, change);
    }
}

void SimLog::apply(const Complete& change) {
    settle(change.seq);
}

void SimLog::apply(const Retrying& change) {
    retries_.insert_or_assign(change.seq, change.retry);
}

void SimLog::apply(const Fail& change) {
    settle(change.seq);
    failed_.emplace(change.seq, change.failure);
}

void SimLog::apply(const Park& change) {
    parked_.insert(change.seq);
}

void SimLog::apply(const Save& change) {
    gates_ = change.gates;
    model_ = change.model;
}

void SimLog::apply(const SaveLevel& change) {
    level_ = change.level;
}

void SimLog::settle(Seq seq) {
    HOLDFAST_ASSERT(unsettled_.erase(seq) == 1);
    for (const Lane which : event(seq).lanes()) {
        const auto lane = lanes_.find(which);
        HOLDFAST_ASSERT(lane != lanes_.end() && lane->second.erase(seq) == 1);
        if (lane->second.empty()) lanes_.erase(lane);
    }
    retries_.erase(seq);
    parked_.erase(seq);
    to_take_.erase(seq);  // while the log is opened
}

}  // namespace holdfast::sim
