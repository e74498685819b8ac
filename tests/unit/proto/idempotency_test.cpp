#include "proto/idempotency.hpp"

#include <gtest/gtest.h>

#include <set>

namespace holdfast {
namespace {

Event event() {
    Event event;
    event.destination = "crm";
    event.method = Method::post;
    event.target = "/api/v1/customers/5/events";
    return event;
}

TEST(IdempotencyKey, OfTheSameEventIsTheSameWhateverWeAddToIt) {
    Event first = event();
    Event again = event();
    again.id.bytes[3] = 9;
    again.accepted_at = wall_from_ms(7);
    again.peer.pid = 8;
    again.body = R"({"id":"…","name":"a"})";
    const IdempotencyKey a = idempotency_key(KeySource::request, "k", first, R"({"name":"a"})");
    const IdempotencyKey b = idempotency_key(KeySource::request, "k", again, R"({"name":"a"})");
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.content, b.content);
}

TEST(IdempotencyKey, IsAnotherForAnotherDestinationKeyOrSource) {
    Event other = event();
    other.destination = "crmk";
    const std::set<Digest> names = {idempotency_key(KeySource::request, "key", event(), "").name,
                                    idempotency_key(KeySource::event, "key", event(), "").name,
                                    idempotency_key(KeySource::request, "kez", event(), "").name,
                                    idempotency_key(KeySource::request, "ey", other, "").name,
                                    idempotency_key(KeySource::request, "key", other, "").name};
    EXPECT_EQ(names.size(), 5U);
}

TEST(IdempotencyKey, HasAnotherContentForAnotherMethodTargetOrBody) {
    Event put = event();
    put.method = Method::put;
    Event other = event();
    other.target = "/api/v1/customers/6/events";
    Event shifted = event();
    shifted.target = "/api/v1/customers/5/events{";
    const std::set<Digest> contents = {
        idempotency_key(KeySource::request, "k", event(), "{}").content,
        idempotency_key(KeySource::request, "k", put, "{}").content,
        idempotency_key(KeySource::request, "k", other, "{}").content,
        idempotency_key(KeySource::request, "k", shifted, "}").content,
        idempotency_key(KeySource::request, "k", event(), "{ }").content};
    EXPECT_EQ(contents.size(), 5U);
}

TEST(IdempotencyKey, OfTheFirstOfManyIsThatOfTheRequestAndOfEachOtherAnother) {
    const IdempotencyKey whole = idempotency_key(KeySource::request, "k", event(), "{}");
    std::set<Digest> names;
    for (const std::size_t index : {0U, 1U, 2U, 256U}) {
        const IdempotencyKey one = item_key(whole, index);
        EXPECT_EQ(one.content, whole.content);
        names.insert(one.name);
    }
    EXPECT_EQ(names.size(), 4U);
    EXPECT_EQ(item_key(whole, 0).name, whole.name);
    EXPECT_EQ(item_key(whole, 1).name, (Digest{0xc6f3edd5b7ccb372, 0x649536beb8ce749b}));
}

// They are stored: a later version must make the same.
TEST(IdempotencyKey, IsWhatItAlwaysWas) {
    const IdempotencyKey key = idempotency_key(KeySource::event, "k", event(), "{}");
    EXPECT_EQ(key.name, (Digest{0x71b866622e4093bd, 0xf8d28d3366c16393}));
    EXPECT_EQ(key.content, (Digest{0x3185f95e64924163, 0x64ac693e63397306}));
}

}  // namespace
}  // namespace holdfast
