// What the vendor would hold after the accepted calls: people, their events, deliveries. One
// thread.
#pragma once

#include "tests/customerio-sim/call.hpp"
#include "tests/customerio-sim/text.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace holdfast::customerio_sim {

enum class Effect : std::uint8_t {
    applied,
    duplicate,  // an event whose ULID was seen: answered as a success, dropped
    ignored,    // answered as a success, without effect: suppressed, unknown cio_id, `_update`, …
};

class Workspace {
public:
    // Deliveries and anonymous events beyond this many push the oldest out.
    explicit Workspace(std::size_t kept_max) : kept_max_(kept_max) {}

    // `request` is the number in the request log.
    Effect apply(const Call& call, std::uint64_t request);

    void clear();

    [[nodiscard]] Json people_json() const;
    [[nodiscard]] Json deliveries_json() const;
    // `text` as in a path: an id, an e-mail address or cio_…; nothing when never heard of.
    [[nodiscard]] std::optional<Json> person_json(std::string_view text) const;

private:
    struct Event {
        std::string name;
        std::string type;
        std::string id;
        std::optional<std::int64_t> timestamp;
        std::uint64_t request;
    };

    struct Person {
        std::string id;
        std::string email;
        std::string cio_id;
        Json attributes = Json::object();
        std::map<std::string, std::int64_t> attribute_times;  // of those set with `_timestamp`
        std::map<std::string, Json> devices;
        std::set<std::string> segments;
        std::vector<Event> events;
        bool deleted = false;
    };

    struct Delivery {
        std::string_view operation;
        Identity who;
        std::uint64_t request;
        Json body;
    };

    struct UlidHash {
        std::size_t operator()(const UlidBits& bits) const { return bits[0] ^ bits[1]; }
    };

    Effect identify(const Call& call);
    Effect add_event(const Call& call, std::uint64_t request);
    Effect remove(const Identity& who);
    Effect suppress(const Identity& who);
    Effect unsuppress(const Identity& who);
    Effect send(const Call& call, std::uint64_t request);
    Effect change_device(const Call& call);
    Effect merge(const Call& call);
    Effect change_segment(const Call& call);
    Effect submit_form(const Call& call);
    Effect unsubscribe(const Call& call);

    [[nodiscard]] bool is_repeat(const std::string& event_id);
    [[nodiscard]] bool is_suppressed(const Identity& who) const;
    [[nodiscard]] Person* find(const Identity& who) const;      // living people only
    [[nodiscard]] Person* find_any(const Identity& who) const;  // the dead too
    Person* find_or_create(const Identity& who);
    Person* find_for_identify(const Call& call);
    void give_identity(Person& person, const Identity& who);
    void set_attributes(Person& person, const Json& attributes, bool may_rename);
    void adopt_anonymous_events(Person& person, const Json& attributes);
    [[nodiscard]] Json to_json(const Person& person) const;

    std::size_t kept_max_;
    std::uint64_t next_cio_id_ = 1;
    std::vector<std::unique_ptr<Person>> people_;
    std::unordered_map<std::string, Person*> by_identity_;
    std::unordered_set<std::string> suppressed_;  // identity keys
    std::unordered_set<UlidBits, UlidHash> event_ids_;
    std::deque<std::pair<std::string, Event>> anonymous_events_;  // with their anonymous id
    std::deque<Delivery> deliveries_;
};

}  // namespace holdfast::customerio_sim
