// Batches of Track API v2: what fits into one, and what is read in the answer to one.
#include "proto/customerio/v2_batch.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace holdfast::customerio {
namespace {

TEST(Packer, PutsOperationsInOrder) {
    Packer packer;
    EXPECT_EQ(packer.body(), R"({"batch":[]})");
    EXPECT_TRUE(packer.add(R"({"a":1.0})"));
    EXPECT_TRUE(packer.add(R"({"b":2})"));
    EXPECT_EQ(packer.body(), R"({"batch":[{"a":1.0},{"b":2}]})");
    EXPECT_EQ(packer.count(), 2U);
    packer.clear();
    EXPECT_EQ(packer.count(), 0U);
    EXPECT_TRUE(packer.add("{}"));
    EXPECT_EQ(packer.body(), R"({"batch":[{}]})");
}

TEST(Packer, TakesAsManyAsFitAndNoByteMore) {
    Packer packer;
    const std::string large(kV2OperationBytesMax, 'x');
    while (packer.add(large)) {
    }
    EXPECT_EQ(packer.count(), kV2BatchBytesMax / (kV2OperationBytesMax + 1));
    const std::string before(packer.body());
    const std::size_t room = kV2BatchBytesMax - before.size() - 1;
    EXPECT_FALSE(packer.add(std::string(room + 1, 'y')));
    EXPECT_EQ(packer.body(), before);
    EXPECT_TRUE(packer.add(std::string(room, 'y')));
    EXPECT_EQ(packer.body().size(), kV2BatchBytesMax);
}

TEST(Packer, TakesNoOperationThatIsTooLarge) {
    Packer packer;
    EXPECT_FALSE(packer.add(std::string(kV2OperationBytesMax + 1, 'x')));
    EXPECT_EQ(packer.count(), 0U);
    EXPECT_TRUE(packer.add(std::string(kV2OperationBytesMax, 'x')));
}

TEST(BatchErrors, AreReadByIndex) {
    const auto found = parse_batch_errors(
        R"({"errors":[{"batch_index":2,"reason":"required","field":"name","message":"é"},)"
        R"({"batch_index":0,"reason":"invalid"},{"batch_index":2,"reason":"again"}]})",
        3);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->ignored, 0U);
    EXPECT_EQ(found->errors,
              (std::vector<BatchError>{{0, "invalid", "", ""}, {2, "required", "name", "é"}}));
}

TEST(BatchErrors, WithoutANumericIndexWithinTheBatchAreIgnored) {
    const auto indices = [](const std::string& index) {
        const auto found = parse_batch_errors(R"({"errors":[{"batch_index":)" + index + "}]}", 3);
        EXPECT_TRUE(found) << index;
        EXPECT_EQ(found->errors.size() + found->ignored, 1U) << index;
        return found->errors;
    };
    for (const char* index :
         {"3", "-1", "\"1\"", "null", "1.5", "[1]", "18446744073709551615", "1e300"}) {
        EXPECT_TRUE(indices(index).empty()) << index;
    }
    EXPECT_EQ(indices("2").front().index, 2U);
    EXPECT_EQ(indices("2.0").front().index, 2U);
    EXPECT_EQ(indices("-0").front().index, 0U);
    const auto others = parse_batch_errors(
        R"({"errors":[{"reason":"x"},7,null,{"batch_index":1,"reason":7,"message":{}}]})", 2);
    ASSERT_TRUE(others);
    EXPECT_EQ(others->ignored, 3U);
    EXPECT_EQ(others->errors, (std::vector<BatchError>{{1, "", "", ""}}));
    EXPECT_TRUE(parse_batch_errors(R"({"errors":[{"batch_index":0}]})", 0)->errors.empty());
    EXPECT_TRUE(parse_batch_errors(R"({"errors":[]})", 3)->errors.empty());
}

TEST(BatchErrors, OfAnythingElseCannotBeRead) {
    for (const std::string& body : {std::string(),
                                    std::string("{}"),
                                    std::string("[]"),
                                    std::string("7"),
                                    std::string("<html>"),
                                    std::string(R"({"errors":{}})"),
                                    std::string(R"({"errors":null})"),
                                    std::string(R"({"errors":[{"batch_index":0})"),
                                    std::string("{\"errors\":[\"\xff\"]}"),
                                    std::string(5000, '[')}) {
        const auto found = parse_batch_errors(body, 3);
        ASSERT_FALSE(found) << body.substr(0, 50);
        EXPECT_EQ(found.error().code, Errc::bad_input);
    }
}

TEST(BatchErrors, AreWrittenAsTheyAreRead) {
    const std::vector<BatchError> errors = {{0, "r", "f", "m \"quoted\""}, {7, "", "", ""}};
    const std::string body = batch_errors_body(errors);
    EXPECT_EQ(body,
              R"({"errors":[{"batch_index":0,"reason":"r","field":"f","message":"m \"quoted\""},)"
              R"({"batch_index":7,"reason":"","field":"","message":""}]})");
    EXPECT_EQ(parse_batch_errors(body, 8)->errors, errors);
    const auto whole = nlohmann::json::parse(batch_errors_body(errors, "text"));
    EXPECT_EQ(whole["meta"]["error"], "text");
    EXPECT_EQ(whole["code"], "invalid_batch");
    EXPECT_EQ(whole["message"], "text");
    EXPECT_EQ(whole["errors"].size(), 2U);
}

}  // namespace
}  // namespace holdfast::customerio
