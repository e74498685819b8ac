#include "agent/ingest/directory.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

TEST(BasicUser, IsFoundInEitherAlphabetPaddedOrNot) {
    struct Row {
        const char* header;
        std::optional<std::string> user;
    };

    const Row rows[] = {
        {"Basic c2l0ZTprZXk=", "site"},
        {"basic c2l0ZTprZXk", "site"},
        {"BASIC c2l0ZTprZXk==", "site"},
        {"Basic Pj4+Pz8/Omtl", ">>>???"},  // "+" and "/"
        {"Basic Pj4-Pz8_Omtl", ">>>???"},  // "-" and "_"
        {"Basic c2l0ZQ==", "site"},        // no colon
        {"Basic c2l0ZTo=", "site"},        // no key
        {"Basic OmtleQ==", ""},            // no user
        {"Basic ", ""},
        {"Basic c2l0*", ""},
        {"Basic  c2l0ZTprZXk=", ""},
        {"Basic", std::nullopt},
        {"Bearer c2l0ZTprZXk=", std::nullopt},
        {"", std::nullopt},
    };
    for (const Row& row : rows) EXPECT_EQ(basic_user(row.header), row.user) << row.header;
}

// The name of the destination, or "!401".
std::string chosen(const Directory& directory, const char* authorization, Endpoint endpoint) {
    const auto choice = directory.choose(authorization, endpoint);
    if (const auto* refusal = std::get_if<customerio::Refusal>(&choice)) {
        return "!" + std::to_string(refusal->status);
    }
    return std::get<const Directory::Destination*>(choice)->name;
}

constexpr const char* kSiteA = "Basic YTprZXk=";
constexpr const char* kSiteB = "Basic YjprZXk=";
constexpr const char* kNoSite = "Basic Yzoga2V5";
constexpr const char* kMalformed = "Basic ***";

TEST(DirectoryTest, WithOneDestinationEverybodyIsItsUnlessHeNamesAnother) {
    const Directory one({{"one", "a", true}});
    for (const Endpoint endpoint : {Endpoint::track, Endpoint::app}) {
        EXPECT_EQ(chosen(one, "", endpoint), "one");
        EXPECT_EQ(chosen(one, kSiteA, endpoint), "one");
        EXPECT_EQ(chosen(one, "Bearer key", endpoint), "one");
        EXPECT_EQ(chosen(one, kSiteB, endpoint), "!401");
        EXPECT_EQ(chosen(one, kMalformed, endpoint), "!401");
    }
}

TEST(DirectoryTest, WithSeveralDestinationsTheSiteIdDecides) {
    const Directory two({{"one", "a", true}, {"two", "b", true}});
    for (const Endpoint endpoint : {Endpoint::track, Endpoint::app}) {
        EXPECT_EQ(chosen(two, kSiteA, endpoint), "one");
        EXPECT_EQ(chosen(two, kSiteB, endpoint), "two");
        EXPECT_EQ(chosen(two, kNoSite, endpoint), "!401");
        EXPECT_EQ(chosen(two, "", endpoint), "!401");
        EXPECT_EQ(chosen(two, "Bearer key", endpoint), "!401");
    }
}

TEST(DirectoryTest, CallsOfTheAppApiGoWhereThereIsAKeyForThem) {
    const Directory none({{"one", "a", false}});
    EXPECT_EQ(chosen(none, "Bearer key", Endpoint::app), "!401");
    EXPECT_EQ(chosen(none, "Bearer key", Endpoint::track), "one");
    const Directory second({{"one", "a", false}, {"two", "b", true}});
    EXPECT_EQ(chosen(second, "Bearer key", Endpoint::app), "two");
    EXPECT_EQ(chosen(second, kSiteA, Endpoint::app), "!401");
}

// The name of the destination, or "!400".
std::string found(const std::variant<const Directory::Destination*, customerio::Refusal>& choice) {
    if (const auto* refusal = std::get_if<customerio::Refusal>(&choice)) {
        return "!" + std::to_string(refusal->status);
    }
    return std::get<const Directory::Destination*>(choice)->name;
}

const Directory kMixed({{.name = "one", .site_id = "a"},
                        {.name = "hooks", .site_id = "", .request = Operation::request},
                        {.name = "once", .site_id = "", .request = Operation::request_once}});

TEST(DirectoryTest, TheVendorsCallsDoNotGoToOtherEndpoints) {
    EXPECT_EQ(chosen(kMixed, "", Endpoint::track), "one");
    EXPECT_EQ(chosen(kMixed, kSiteA, Endpoint::track), "one");
    EXPECT_EQ(chosen(kMixed, "Basic OmtleQ==", Endpoint::track), "!401");  // no site id
    EXPECT_EQ(found(kMixed.find("", Endpoint::track)), "one");
    EXPECT_EQ(found(kMixed.find("one", Endpoint::track)), "one");
    EXPECT_EQ(found(kMixed.find("hooks", Endpoint::track)), "!400");
    EXPECT_EQ(found(kMixed.find("nobody", Endpoint::track)), "!404");
    const Directory none({{.name = "hooks", .site_id = "", .request = Operation::request}});
    EXPECT_EQ(chosen(none, "", Endpoint::track), "!401");
    EXPECT_EQ(found(none.find("", Endpoint::track)), "!404");
}

TEST(DirectoryTest, OtherEndpointsAreNamedInThePath) {
    const auto chosen_by = [](const char* target, const char* named) {
        return found(kMixed.choose({.method = "POST", .target = target, .body = ""}, named));
    };
    EXPECT_EQ(chosen_by("/destinations/hooks/events", ""), "hooks");
    EXPECT_EQ(chosen_by("/destinations/hooks/events", "hooks"), "hooks");
    EXPECT_EQ(chosen_by("/destinations/hooks/events", "once"), "!400");
    EXPECT_EQ(chosen_by("/destinations/one/events", ""), "!400");
    EXPECT_EQ(chosen_by("/destinations/nobody/events", ""), "!404");
    EXPECT_EQ(chosen_by("/destinations//events", ""), "!404");
    EXPECT_EQ(chosen_by("/destinations/hooks", ""), "!404");
}

}  // namespace
}  // namespace holdfast::agent
