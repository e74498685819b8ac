#include "tests/customerio-sim/workspace.hpp"

#include "tests/customerio-sim/checks.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::customerio_sim {
namespace {

using Kind = Identity::Kind;

std::string key_of(const Identity& who) {
    return static_cast<char>('0' + static_cast<int>(who.kind)) + who.value;
}

// An identifier in a body; numbers pass as ids.
Identity identity_in(const Json& attributes, const char* name, Kind kind) {
    const auto it = attributes.find(name);
    if (it == attributes.end()) return {};
    if (it->is_number()) return {kind, dump(*it)};
    if (!it->is_string() || it->get_ref<const std::string&>().empty()) return {};
    const auto& text = it->get_ref<const std::string&>();
    if (kind == Kind::email) return {kind, lower(text)};
    if (kind == Kind::cio_id && text.starts_with("cio_")) return {kind, text.substr(4)};
    return {kind, text};
}

bool is_instruction(const std::string& attribute) {
    return attribute == "_timestamp" || attribute == "_update" ||
           attribute == "cio_relationships" || attribute == "cio_id";
}

bool removes(const Json& value) {
    return value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty());
}

std::string type_of(const Json& event) {
    const std::string type = string_field(event, "type");
    return type == "page" || type == "screen" ? type : "event";
}

Json or_null(const std::string& text) {
    return text.empty() ? Json() : Json(text);
}

}  // namespace

Effect Workspace::apply(const Call& call, std::uint64_t request) {
    const std::string_view operation = call.operation;
    if (operation == "event" || operation == "anonymous_event") return add_event(call, request);
    if (operation == "unsuppress") return unsuppress(call.person);
    if (is_suppressed(call.person)) return Effect::ignored;
    if (operation == "identify") return identify(call);
    if (operation == "delete") return remove(call.person);
    if (operation == "suppress") return suppress(call.person);
    if (operation.starts_with("send_")) return send(call, request);
    if (operation == "add_device" || operation == "delete_device") return change_device(call);
    if (operation == "merge") return merge(call);
    if (operation == "add_to_segment" || operation == "remove_from_segment") {
        return change_segment(call);
    }
    if (operation == "submit_form") return submit_form(call);
    if (operation == "unsubscribe") return unsubscribe(call);
    return Effect::applied;  // objects, relationships, reports, triggers: logged, no state kept
}

Effect Workspace::identify(const Call& call) {
    Person* person = find_for_identify(call);
    if (person == nullptr) return Effect::ignored;
    set_attributes(*person, call.payload, call.person.kind == Kind::cio_id);
    adopt_anonymous_events(*person, call.payload);
    return Effect::applied;
}

// The person of the path; else the one that the body names, who then gets the path's identifier;
// else a new one, unless `_update` forbids it.
Workspace::Person* Workspace::find_for_identify(const Call& call) {
    if (Person* known = find(call.person)) return known;
    if (call.person.kind == Kind::cio_id) return nullptr;
    const Identity named[] = {identity_in(call.payload, "cio_id", Kind::cio_id),
                              identity_in(call.payload, "id", Kind::id),
                              identity_in(call.payload, "email", Kind::email)};
    for (const Identity& who : named) {
        Person* known = find(who);
        if (known == nullptr) continue;
        // Who already has another id (or address) is somebody else: the body claims too much.
        const bool by_id = call.person.kind == Kind::id;
        if (!(by_id ? known->id : known->email).empty()) continue;
        give_identity(*known, call.person);
        return known;
    }
    if (call.payload.value("_update", Json()) == true) return nullptr;
    return find_or_create(call.person);
}

Effect Workspace::add_event(const Call& call, std::uint64_t request) {
    if (is_repeat(call.event_id)) return Effect::duplicate;
    if (is_suppressed(call.person)) return Effect::ignored;
    const std::string given = string_field(call.payload, "name");
    Event event{
        std::string(trim(given)), type_of(call.payload), call.event_id, call.timestamp, request};
    if (call.person.kind == Kind::none || call.person.kind == Kind::anonymous_id) {
        anonymous_events_.emplace_back(call.person.value, std::move(event));
        if (anonymous_events_.size() > kept_max_) anonymous_events_.pop_front();
        return Effect::applied;
    }
    Person* person = find_or_create(call.person);
    if (person == nullptr) return Effect::ignored;
    person->events.push_back(std::move(event));
    return Effect::applied;
}

Effect Workspace::remove(const Identity& who) {
    Person* person = find(who);
    if (person == nullptr) return Effect::ignored;
    person->deleted = true;
    person->attributes = Json::object();
    person->attribute_times.clear();
    person->devices.clear();
    person->segments.clear();
    person->events.clear();
    return Effect::applied;
}

Effect Workspace::suppress(const Identity& who) {
    suppressed_.insert(key_of(who));
    const Person* person = find(who);
    if (person == nullptr) return Effect::applied;
    if (!person->id.empty()) suppressed_.insert(key_of({Kind::id, person->id}));
    if (!person->email.empty()) suppressed_.insert(key_of({Kind::email, person->email}));
    return remove(who);
}

// The person stays deleted; only the identifiers, both of them, are free again.
Effect Workspace::unsuppress(const Identity& who) {
    if (suppressed_.erase(key_of(who)) == 0) return Effect::ignored;
    if (const Person* person = find_any(who)) {
        suppressed_.erase(key_of({Kind::id, person->id}));
        suppressed_.erase(key_of({Kind::email, person->email}));
    }
    return Effect::applied;
}

Effect Workspace::send(const Call& call, std::uint64_t request) {
    if (find_or_create(call.person) == nullptr) return Effect::ignored;
    deliveries_.push_back({call.operation, call.person, request, call.payload});
    if (deliveries_.size() > kept_max_) deliveries_.pop_front();
    return Effect::applied;
}

Effect Workspace::change_device(const Call& call) {
    const Json& device = call.payload["device"];
    const std::string token = string_field(device, "token");
    if (call.operation == "delete_device") {
        Person* person = find(call.person);
        const bool gone = person != nullptr && person->devices.erase(token) > 0;
        return gone ? Effect::applied : Effect::ignored;
    }
    Person* person = find_or_create(call.person);
    if (person == nullptr) return Effect::ignored;
    person->devices[token] = device;
    return Effect::applied;
}

// The primary keeps what it has, gets what it lacks and all events; the secondary is gone.
Effect Workspace::merge(const Call& call) {
    Person* primary = find(call.person);
    Person* secondary = find(call.other);
    if (primary == nullptr || secondary == nullptr || primary == secondary) return Effect::ignored;
    for (const auto& [name, value] : secondary->attributes.items()) {
        if (!primary->attributes.contains(name)) primary->attributes[name] = value;
    }
    for (Event& event : secondary->events) primary->events.push_back(std::move(event));
    primary->segments.merge(secondary->segments);
    secondary->deleted = true;
    secondary->events.clear();
    secondary->segments.clear();
    return Effect::applied;
}

// Values that are nobody's are passed over.
Effect Workspace::change_segment(const Call& call) {
    const std::string id_type = string_field(call.payload, "id_type");
    const std::string segment = string_field(call.payload, "segment");
    const bool adds = call.operation == "add_to_segment";
    Effect effect = Effect::ignored;
    for (const Json& id : call.payload["ids"]) {
        const Json named = {{id_type, id}};
        const Kind kind = id_type == "email"    ? Kind::email
                          : id_type == "cio_id" ? Kind::cio_id
                                                : Kind::id;
        Person* person = find(identity_in(named, id_type.c_str(), kind));
        if (person == nullptr) continue;
        const bool changed =
            adds ? person->segments.insert(segment).second : person->segments.erase(segment) > 0;
        if (changed) effect = Effect::applied;
    }
    return effect;
}

Effect Workspace::submit_form(const Call& call) {
    Person* person = find_or_create(call.person);
    if (person == nullptr) return Effect::ignored;
    set_attributes(*person, call.payload, /*may_rename=*/false);
    return Effect::applied;
}

// Who a delivery went to is known from the delivery alone.
Effect Workspace::unsubscribe(const Call& call) {
    const std::string id = string_field(call.payload, "delivery_id");
    const auto delivery =
        std::find_if(deliveries_.begin(), deliveries_.end(), [&](const auto& one) {
            return one.body.at("delivery_id") == id;
        });
    if (delivery == deliveries_.end() || call.payload.value("unsubscribe", Json()) != true) {
        return Effect::ignored;
    }
    Person* person = find(delivery->who);
    if (person == nullptr) return Effect::ignored;
    person->attributes["unsubscribed"] = true;
    return Effect::applied;
}

void Workspace::clear() {
    people_.clear();
    by_identity_.clear();
    suppressed_.clear();
    event_ids_.clear();
    anonymous_events_.clear();
    deliveries_.clear();
}

// Only well-formed ULIDs are documented to be recognised; any other id protects from nothing.
bool Workspace::is_repeat(const std::string& event_id) {
    const std::optional<UlidBits> bits = parse_ulid(event_id);
    return bits && !event_ids_.insert(*bits).second;
}

bool Workspace::is_suppressed(const Identity& who) const {
    return who.kind != Kind::none && suppressed_.contains(key_of(who));
}

Workspace::Person* Workspace::find_any(const Identity& who) const {
    if (who.kind == Kind::none) return nullptr;
    const auto it = by_identity_.find(key_of(who));
    return it == by_identity_.end() ? nullptr : it->second;
}

Workspace::Person* Workspace::find(const Identity& who) const {
    Person* person = find_any(who);
    return person != nullptr && !person->deleted ? person : nullptr;
}

// Nothing for an unknown cio_id: the vendor drops such a call silently.
Workspace::Person* Workspace::find_or_create(const Identity& who) {
    if (Person* known = find(who)) return known;
    if (who.kind == Kind::cio_id || who.kind == Kind::none) return nullptr;
    Person& person = *people_.emplace_back(std::make_unique<Person>());
    give_identity(person, {Kind::cio_id, fmt::format("{:012x}", next_cio_id_++)});
    give_identity(person, who);
    return &person;
}

void Workspace::give_identity(Person& person, const Identity& who) {
    by_identity_[key_of(who)] = &person;
    if (who.kind == Kind::cio_id) person.cio_id = who.value;
    if (who.kind == Kind::id) person.id = who.value;
    if (who.kind == Kind::email) person.email = who.value;
    if (who.kind == Kind::id) person.attributes["id"] = who.value;
    if (who.kind == Kind::email) person.attributes["email"] = who.value;
}

// An id or e-mail that is set can only be changed through the cio_id, and never to another
// person's.
void Workspace::set_attributes(Person& person, const Json& attributes, bool may_rename) {
    const std::optional<std::int64_t> time = integer_field(attributes, "_timestamp");
    for (const auto& [name, value] : attributes.items()) {
        if (is_instruction(name)) continue;
        if (name == "id" || name == "email") {
            const bool is_id = name == "id";
            const Identity who =
                identity_in(attributes, name.c_str(), is_id ? Kind::id : Kind::email);
            std::string& current = is_id ? person.id : person.email;
            if (who.kind == Kind::none || find(who) != nullptr || is_suppressed(who)) continue;
            if (!current.empty() && !may_rename) continue;
            if (!current.empty()) by_identity_.erase(key_of({who.kind, current}));
            give_identity(person, who);
            continue;
        }
        if (time) {
            auto [known, is_new] = person.attribute_times.try_emplace(name, *time);
            if (!is_new && known->second > *time) continue;  // came late: a newer one is in place
            known->second = *time;
        }
        if (removes(value)) {
            person.attributes.erase(name);
        } else {
            person.attributes[name] = value;
        }
    }
}

void Workspace::adopt_anonymous_events(Person& person, const Json& attributes) {
    const std::string anonymous_id = string_field(attributes, "anonymous_id");
    if (anonymous_id.empty()) return;
    const auto is_theirs = [&](const auto& entry) { return entry.first == anonymous_id; };
    for (auto& entry : anonymous_events_) {
        if (is_theirs(entry)) person.events.push_back(entry.second);
    }
    std::erase_if(anonymous_events_, is_theirs);
}

Json Workspace::to_json(const Person& person) const {
    Json events = Json::array();
    for (const Event& event : person.events) {
        events.push_back({{"name", event.name},
                          {"type", event.type},
                          {"id", or_null(event.id)},
                          {"timestamp", event.timestamp ? Json(*event.timestamp) : Json()},
                          {"request", event.request}});
    }
    const bool suppressed = (!person.id.empty() && is_suppressed({Kind::id, person.id})) ||
                            (!person.email.empty() && is_suppressed({Kind::email, person.email}));
    return {{"id", or_null(person.id)},
            {"email", or_null(person.email)},
            {"cio_id", "cio_" + person.cio_id},
            {"attributes", person.attributes},
            {"devices", person.devices},
            {"segments", person.segments},
            {"events", std::move(events)},
            {"suppressed", suppressed},
            {"deleted", person.deleted}};
}

Json Workspace::people_json() const {
    Json people = Json::array();
    for (const auto& person : people_) people.push_back(to_json(*person));
    return people;
}

Json Workspace::deliveries_json() const {
    Json deliveries = Json::array();
    for (const Delivery& delivery : deliveries_) {
        deliveries.push_back({{"delivery_id", delivery.body.at("delivery_id")},
                              {"queued_at", delivery.body.at("queued_at")},
                              {"operation", delivery.operation},
                              {"person", delivery.who.text()},
                              {"to", delivery.body.value("to", Json())},
                              {"request", delivery.request},
                              {"body", delivery.body}});
    }
    return deliveries;
}

std::optional<Json> Workspace::person_json(std::string_view text) const {
    const Identity who = Identity::from_path(text);
    if (const Person* person = find_any(who)) return to_json(*person);
    if (!is_suppressed(who)) return std::nullopt;
    return Json{{"suppressed", true}, {"deleted", false}, {"events", Json::array()}};
}

}  // namespace holdfast::customerio_sim
