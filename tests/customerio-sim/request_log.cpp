#include "tests/customerio-sim/request_log.hpp"

#include <algorithm>
#include <set>

namespace holdfast::customerio_sim {
namespace {

constexpr std::size_t kBodyBytesMax = std::size_t{512} << 20;
constexpr std::size_t kBodyBytesShown = 1000;
constexpr std::size_t kOverlapsShown = 20;

// A person may stand in a batch several times, and is in flight once.
std::set<std::string> people_of(const Decision& decision) {
    std::set<std::string> people;
    for (const Call& call : decision.calls) {
        for (const Identity& who : {call.person, call.other}) {
            if (who.kind != Identity::Kind::none) people.insert(who.text());
        }
    }
    return people;
}

Json or_null(std::string_view text) {
    return text.empty() ? Json() : Json(text);
}

Json or_null(std::optional<std::int64_t> number) {
    return number ? Json(*number) : Json();
}

}  // namespace

std::uint64_t RequestLog::arrived(const Request& request,
                                  const Decision& decision,
                                  std::uint64_t connection,
                                  double at_ms) {
    Entry& entry = entries_.emplace_back();
    entry.number = next_++;
    entry.at_ms = at_ms;
    entry.connection = connection;
    entry.method = request.method;
    entry.target = request.target;
    entry.operation = decision.operation;
    entry.body = request.body;
    entry.items.reserve(decision.calls.size());
    for (const Call& call : decision.calls) {
        Item& item = entry.items.emplace_back();
        item.operation = call.operation;
        item.person = call.person.text();
        item.event_id = call.event_id;
        item.timestamp = call.timestamp;
        item.refusal = call.refusal;
    }
    const std::uint64_t number = entry.number;
    body_bytes_ += entry.body.size();
    count_arrival(decision);
    drop_oldest();
    return number;
}

void RequestLog::count_arrival(const Decision& decision) {
    ++requests_;
    in_flight_max_ = std::max(in_flight_max_, ++in_flight_);
    for (const std::string& person : people_of(decision)) {
        if (in_flight_by_person_[person]++ == 0) continue;
        ++overlaps_;
        if (first_overlaps_.size() < kOverlapsShown) first_overlaps_.push_back({person, next_ - 1});
    }
}

void RequestLog::drop_oldest() {
    while (entries_.size() > entry_count_max_ || body_bytes_ > kBodyBytesMax) {
        body_bytes_ -= entries_.front().body.size();
        entries_.pop_front();
        ++entries_dropped_;
    }
}

void RequestLog::fault_applied(std::uint64_t number, const Json& source) {
    ++faults_;
    if (Entry* entry = find(number)) entry->fault = source;
}

void RequestLog::worked(std::uint64_t number, std::size_t index, Effect effect) {
    if (effect == Effect::applied) ++applied_;
    if (effect == Effect::duplicate) ++duplicates_;
    if (effect == Effect::ignored) ++ignored_;
    Entry* entry = find(number);
    if (entry == nullptr) return;
    entry->items[index].applied = effect == Effect::applied;
    entry->items[index].duplicate = effect == Effect::duplicate;
}

void RequestLog::left(std::uint64_t number,
                      const Decision& decision,
                      std::optional<unsigned> status) {
    --in_flight_;
    for (const std::string& person : people_of(decision)) {
        const auto it = in_flight_by_person_.find(person);
        if (--it->second == 0) in_flight_by_person_.erase(it);
    }
    const std::string_view operation = decision.operation.empty() ? "unknown" : decision.operation;
    ++answers_[operation][status ? std::to_string(*status) : "none"];
    if (Entry* entry = find(number)) entry->status = status;
}

void RequestLog::clear() {
    entries_.clear();
    body_bytes_ = entries_dropped_ = 0;
    requests_ = applied_ = duplicates_ = ignored_ = faults_ = overlaps_ = 0;
    connections_ = connections_open_;
    in_flight_max_ = in_flight_;
    first_overlaps_.clear();
    answers_.clear();
}

RequestLog::Entry* RequestLog::find(std::uint64_t number) {
    if (entries_.empty() || number < entries_.front().number) return nullptr;
    return &entries_[number - entries_.front().number];
}

Json RequestLog::to_json(const Entry& entry, bool whole) {
    const Item none{};
    const bool is_batch = entry.operation == "batch";
    const Item& only = is_batch || entry.items.empty() ? none : entry.items.front();
    const auto is_applied = [](const Item& item) { return item.applied; };
    const auto is_duplicate = [](const Item& item) { return item.duplicate; };
    Json json = {{"n", entry.number},
                 {"at_ms", entry.at_ms},
                 {"connection", entry.connection},
                 {"method", entry.method},
                 {"path", entry.target},
                 {"operation", or_null(entry.operation)},
                 {"person", or_null(only.person)},
                 {"event_id", or_null(only.event_id)},
                 {"timestamp", or_null(only.timestamp)},
                 {"body", whole ? entry.body : entry.body.substr(0, kBodyBytesShown)},
                 {"answered", entry.status ? Json(*entry.status) : Json()},
                 {"fault", entry.fault},
                 {"refusal", or_null(only.refusal)},
                 {"applied", std::any_of(entry.items.begin(), entry.items.end(), is_applied)},
                 {"duplicate", std::any_of(entry.items.begin(), entry.items.end(), is_duplicate)}};
    if (!is_batch) return json;
    Json& items = json["items"] = Json::array();
    for (const Item& item : entry.items) {
        items.push_back({{"operation", or_null(item.operation)},
                         {"person", or_null(item.person)},
                         {"event_id", or_null(item.event_id)},
                         {"timestamp", or_null(item.timestamp)},
                         {"refusal", or_null(item.refusal)},
                         {"applied", item.applied},
                         {"duplicate", item.duplicate}});
    }
    return json;
}

Json RequestLog::requests_json(std::uint64_t after, std::size_t limit, bool whole) const {
    Json list = Json::array();
    if (entries_.empty()) return list;
    const std::uint64_t first = entries_.front().number;
    for (std::size_t i = after < first ? 0 : after - first + 1; i < entries_.size(); ++i) {
        if (list.size() >= limit) break;
        list.push_back(to_json(entries_[i], whole));
    }
    return list;
}

std::optional<Json> RequestLog::request_json(std::uint64_t number, bool whole) const {
    if (entries_.empty() || number < entries_.front().number) return std::nullopt;
    return to_json(entries_[number - entries_.front().number], whole);
}

Json RequestLog::stats_json() const {
    Json overlaps = Json::array();
    for (const Overlap& overlap : first_overlaps_) {
        overlaps.push_back({{"person", overlap.person}, {"n", overlap.request}});
    }
    return {{"requests", requests_},
            {"answers", answers_},
            {"applied", applied_},
            {"duplicates", duplicates_},
            {"ignored", ignored_},
            {"faults", faults_},
            {"connections", connections_},
            {"connections_open", connections_open_},
            {"in_flight", in_flight_},
            {"in_flight_max", in_flight_max_},
            {"overlaps", overlaps_},
            {"first_overlaps", std::move(overlaps)},
            {"log_entries", entries_.size()},
            {"log_dropped", entries_dropped_}};
}

}  // namespace holdfast::customerio_sim
