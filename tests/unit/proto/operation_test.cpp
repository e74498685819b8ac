#include "proto/operation.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

struct Row {
    int number;
    std::string_view name;
    Safety safety;
    Kind kind;
    bool erases;
};

// What stands in records and in the reference.
TEST(OperationTest, NumbersNamesAndClassesAreThese) {
    constexpr Safety kOnce = Safety::once_if_ambiguous;
    constexpr Row kRows[] = {
        {1, "identify", Safety::idempotent, Kind::people, false},
        {2, "event", Safety::dedup_by_id, Kind::events, false},
        {3, "anonymous_event", Safety::dedup_by_id, Kind::events, false},
        {4, "delete", Safety::order_sensitive, Kind::people, true},
        {5, "suppress", Safety::idempotent, Kind::people, true},
        {6, "unsuppress", Safety::idempotent, Kind::people, false},
        {7, "send_email", kOnce, Kind::sends, false},
        {8, "add_device", Safety::idempotent, Kind::people, false},
        {9, "delete_device", Safety::idempotent, Kind::people, true},
        {10, "merge", Safety::order_sensitive, Kind::people, true},
        {11, "add_to_segment", Safety::idempotent, Kind::people, false},
        {12, "remove_from_segment", Safety::idempotent, Kind::people, true},
        {13, "submit_form", kOnce, Kind::events, false},
        {14, "report_metric", kOnce, Kind::events, false},
        {15, "report_push_event", kOnce, Kind::events, false},
        {16, "unsubscribe", Safety::idempotent, Kind::people, false},
        {17, "send_push", kOnce, Kind::sends, false},
        {18, "send_sms", kOnce, Kind::sends, false},
        {19, "send_whatsapp", kOnce, Kind::sends, false},
        {20, "send_in_app", kOnce, Kind::sends, false},
        {21, "send_inbox_message", kOnce, Kind::sends, false},
        {22, "trigger_broadcast", kOnce, Kind::broadcasts, false},
        {43, "add_relationships", Safety::idempotent, Kind::people, false},
        {44, "delete_relationships", Safety::idempotent, Kind::people, true},
        {45, "object_identify", Safety::idempotent, Kind::people, false},
        {46, "object_identify_anonymous", Safety::idempotent, Kind::people, false},
        {47, "object_delete", Safety::idempotent, Kind::people, true},
        {48, "object_add_relationships", Safety::idempotent, Kind::people, false},
        {49, "object_delete_relationships", Safety::idempotent, Kind::people, true},
        {50, "delivery_event", kOnce, Kind::events, false},
    };
    for (const Row& row : kRows) {
        SCOPED_TRACE(row.name);
        const OperationInfo* found = find_operation(static_cast<Operation>(row.number));
        ASSERT_NE(found, nullptr);
        EXPECT_EQ(found->name, row.name);
        EXPECT_EQ(found->safety, row.safety);
        EXPECT_EQ(found->kind, row.kind);
        EXPECT_EQ(found->erases, row.erases);
        EXPECT_EQ(find_operation(row.name), found);
    }
}

TEST(OperationTest, TheKindSaysTheEndpoint) {
    EXPECT_EQ(endpoint_of(Kind::people), Endpoint::track);
    EXPECT_EQ(endpoint_of(Kind::events), Endpoint::track);
    EXPECT_EQ(endpoint_of(Kind::sends), Endpoint::app);
    EXPECT_EQ(endpoint_of(Kind::broadcasts), Endpoint::broadcasts);
    EXPECT_EQ(endpoint_of(Kind::requests), Endpoint::http);
}

TEST(OperationTest, WhatIsNotInTheTableIsNotFound) {
    EXPECT_EQ(find_operation(static_cast<Operation>(0)), nullptr);
    EXPECT_EQ(find_operation(static_cast<Operation>(255)), nullptr);
    EXPECT_EQ(find_operation("send"), nullptr);
}

}  // namespace
}  // namespace holdfast
