#include "agent/ingest/answer.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

const Ulid kId = *Ulid::parse("01KDYGA0KE0000000000000018");
const WallTime kAt = wall_from_ms(1'700'000'000'123);

std::string http(const Answer& answer) {
    std::string out;
    append_http(answer, out);
    return out;
}

Answer receipt(Operation operation, bool close) {
    Answer answer;
    answer.status = 200;
    answer.close = close;
    answer.operation = operation;
    answer.seq = Seq{7};
    answer.id = kId;
    answer.accepted_at = kAt;
    return answer;
}

TEST(AnswerBytes, OfAReceipt) {
    EXPECT_EQ(http(receipt(Operation::identify, false)),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 3\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "X-Holdfast-Durability: fsync\r\n"
              "\r\n"
              "{}\n");
}

TEST(AnswerBytes, OfAReceiptForARepeat) {
    Answer answer = receipt(Operation::identify, false);
    answer.is_repeat = true;
    EXPECT_EQ(http(answer),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 3\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "X-Holdfast-Durability: fsync\r\n"
              "Idempotent-Replayed: true\r\n"
              "\r\n"
              "{}\n");
}

TEST(AnswerBytes, OfAReceiptForASendAndAsTheLast) {
    EXPECT_EQ(http(receipt(Operation::send_email, true)),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 68\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "X-Holdfast-Durability: fsync\r\n"
              "Connection: close\r\n"
              "\r\n"
              "{\"delivery_id\":\"01KDYGA0KE0000000000000018\",\"queued_at\":1700000000}\n");
}

TEST(AnswerBytes, OfAnySendHaveWhatItsClientsRead) {
    for (const Operation operation : {Operation::send_email,
                                      Operation::send_push,
                                      Operation::send_sms,
                                      Operation::send_whatsapp,
                                      Operation::send_in_app,
                                      Operation::send_inbox_message}) {
        const std::string bytes = http(receipt(operation, false));
        EXPECT_TRUE(bytes.ends_with(
            "\r\n\r\n{\"delivery_id\":\"01KDYGA0KE0000000000000018\",\"queued_at\":1700000000}\n"))
            << info(operation).name;
    }
}

TEST(AnswerBytes, OfATriggerHaveANumberForItsId) {
    const std::string bytes = http(receipt(Operation::trigger_broadcast, false));
    EXPECT_NE(bytes.find("\r\nContent-Length: 9\r\n"), std::string::npos);
    EXPECT_TRUE(bytes.ends_with("\r\n\r\n{\"id\":7}\n"));
}

TEST(AnswerBytes, OfAFormAreTheVendors204WithoutABody) {
    Answer answer = receipt(Operation::submit_form, true);
    answer.is_repeat = true;
    EXPECT_EQ(http(answer),
              "HTTP/1.1 204 No Content\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "X-Holdfast-Durability: fsync\r\n"
              "Idempotent-Replayed: true\r\n"
              "Connection: close\r\n"
              "\r\n");
    EXPECT_EQ(as_frame_answer(answer).status, 200U);
}

TEST(AnswerBytes, OfAReceiptForARequest) {
    for (const Operation operation : {Operation::request, Operation::request_once}) {
        const std::string bytes = http(receipt(operation, false));
        EXPECT_EQ(bytes.substr(bytes.find("\r\n\r\n")),
                  "\r\n\r\n{\"id\":\"01KDYGA0KE0000000000000018\",\"seq\":7}\n");
    }
}

TEST(AnswerBytes, OfARefusal) {
    EXPECT_EQ(http(refusal({400, "invalid_event", "no \"name\""}, false)),
              "HTTP/1.1 400 Bad Request\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 79\r\n"
              "\r\n"
              "{\"meta\":{\"error\":\"no \\\"name\\\"\"},\"code\":\"invalid_event\","
              "\"message\":\"no \\\"name\\\"\"}");
}

TEST(AnswerBytes, OfAFailureSayWhetherItMayHaveBeenStored) {
    const Error error{Errc::storage_failed, "disk"};
    const std::string sure = http(failure(error, false, false));
    EXPECT_TRUE(sure.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_NE(sure.find("\r\nRetry-After: 1\r\n"), std::string::npos);
    EXPECT_NE(sure.find("\"code\":\"storage_failed\""), std::string::npos);
    const std::string in_doubt = http(failure(error, true, false));
    EXPECT_NE(in_doubt.find("\"code\":\"unknown\""), std::string::npos);
    EXPECT_NE(in_doubt.find("send it again with the same key or id\""), std::string::npos);
}

}  // namespace
}  // namespace holdfast::agent
