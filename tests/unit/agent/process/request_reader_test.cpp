// The reader of requests gives the same in whatever pieces the bytes come.
#include "agent/ingest/request_reader.hpp"

#include "proto/customerio/limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>

namespace holdfast::agent {
namespace {

using Status = RequestReader::Status;

// What came out of a stream: "PUT /a|body" for each request, then "incomplete" or "!400".
std::vector<std::string> read(std::string_view stream, std::size_t piece) {
    RequestReader reader;
    std::vector<std::string> out;
    while (!stream.empty()) {
        const std::size_t size = std::min(piece, stream.size());
        reader.feed(stream.substr(0, size));
        stream.remove_prefix(size);
        Status status = reader.next();
        for (; status == Status::complete; status = reader.next()) {
            const HttpRequest& request = reader.request();
            out.push_back(request.method + " " + request.target + "|" + request.body);
        }
        if (status == Status::refused) {
            out.push_back("!" + std::to_string(reader.refusal().status));
            EXPECT_EQ(reader.next(), Status::refused);
            return out;
        }
    }
    if (reader.is_inside_request()) out.emplace_back("incomplete");
    return out;
}

struct Case {
    std::string name;
    std::string stream;
    std::vector<std::string> expected;
};

void PrintTo(const Case& one, std::ostream* out) {
    *out << one.name;
}

class RequestReaderTable : public testing::TestWithParam<Case> {};

TEST_P(RequestReaderTable, ReadsTheSameInPiecesOfEverySize) {
    const Case& one = GetParam();
    const std::size_t size = one.stream.size();
    for (std::size_t piece = 1; piece <= size; ++piece) {
        if (size > 1000 && piece > 3 && piece < size && piece % 4093 != 0) continue;
        ASSERT_EQ(read(one.stream, piece), one.expected) << "in pieces of " << piece;
    }
}

std::string with_header_of(std::size_t bytes) {
    std::string head = "PUT /a HTTP/1.1\r\nX: ";
    return head + std::string(bytes - head.size() - 4, 'x') + "\r\n\r\n";
}

std::string with(const std::string& fields, const std::string& body = {}) {
    return "PUT /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}

const std::string kChunked = "Transfer-Encoding: chunked\r\n";

INSTANTIATE_TEST_SUITE_P(
    Taken,
    RequestReaderTable,
    testing::Values(
        Case{"plain", with("Content-Length: 2\r\n", "{}"), {"PUT /a|{}"}},
        Case{"without_body", with(""), {"PUT /a|"}},
        Case{"pipelined",
             with("Content-Length: 2\r\n", "{}") + with("") + with("Content-Length: 1\r\n", "x"),
             {"PUT /a|{}", "PUT /a|", "PUT /a|x"}},
        Case{"pipelined_then_half",
             with("Content-Length: 2\r\n", "{}") + with("").substr(0, 9),
             {"PUT /a|{}", "incomplete"}},
        Case{"chunked", with(kChunked, "2\r\n{\"\r\n3\r\na\":\r\n0\r\n\r\n"), {"PUT /a|{\"a\":"}},
        Case{"chunked_with_extension_and_trailer",
             with(kChunked, "2;x=y\r\n{}\r\n0\r\nX: y\r\n\r\n") + with(""),
             {"PUT /a|{}", "PUT /a|"}},
        Case{"chunked_in_capitals",
             with("transfer-ENCODING: Chunked\r\n", "0\r\n\r\n"),
             {"PUT /a|"}},
        Case{"bytes_of_all_kinds_in_the_body",
             with("Content-Length: 4\r\n", std::string("\0\r\n\xff", 4)),
             {"PUT /a|" + std::string("\0\r\n\xff", 4)}},
        Case{"not_encoded", with("Content-Encoding: identity\r\n"), {"PUT /a|"}},
        Case{"folded_field", with("X: a\r\n b\r\n"), {"PUT /a|"}},  // as RFC 9112 5.2 allows
        Case{"http_1_0", "PUT /a HTTP/1.0\r\nContent-Length: 1\r\n\r\nx", {"PUT /a|x"}},
        Case{"unknown_method", "BREW /a HTTP/1.1\r\n\r\n", {"BREW /a|"}},
        Case{"absolute_form", "GET http://h/a HTTP/1.1\r\n\r\n", {"GET http://h/a|"}},
        Case{"connect", "CONNECT h:1 HTTP/1.1\r\n\r\n", {"CONNECT h:1|"}},
        Case{"longest_header", with_header_of(kRequestHeaderBytesMax - 16), {"PUT /a|"}},
        Case{"half_a_body", with("Content-Length: 3\r\n", "{}"), {"incomplete"}}),
    [](const auto& tested) { return tested.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Refused,
    RequestReaderTable,
    testing::Values(
        Case{"two_lengths", with("Content-Length: 2\r\nContent-Length: 2\r\n", "{}"), {"!400"}},
        Case{"other_lengths", with("Content-Length: 2\r\nContent-Length: 3\r\n", "{}x"), {"!400"}},
        Case{"list_of_lengths", with("Content-Length: 2, 2\r\n", "{}"), {"!400"}},
        Case{"negative_length", with("Content-Length: -1\r\n"), {"!400"}},
        Case{"signed_length", with("Content-Length: +2\r\n", "{}"), {"!400"}},
        Case{"huge_length", with("Content-Length: 99999999999999999999\r\n"), {"!400"}},
        Case{"chunked_and_length", with(kChunked + "Content-Length: 2\r\n", "0\r\n\r\n"), {"!400"}},
        Case{"length_and_chunked", with("Content-Length: 2\r\n" + kChunked, "0\r\n\r\n"), {"!400"}},
        Case{"length_in_trailer", with(kChunked, "0\r\nContent-Length: 5\r\n\r\n"), {"!400"}},
        Case{"transfer_gzip", with("Transfer-Encoding: gzip\r\n"), {"!400"}},
        Case{"transfer_gzip_chunked",
             with("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
             {"!400"}},
        Case{"chunked_twice", with(kChunked + kChunked, "0\r\n\r\n"), {"!400"}},
        Case{"chunked_over_http_1_0", "PUT /a HTTP/1.0\r\n" + kChunked + "\r\n0\r\n\r\n", {"!400"}},
        Case{"gzip_body", with("Content-Encoding: gzip\r\nContent-Length: 1\r\n", "x"), {"!415"}},
        Case{"bad_chunk_size", with(kChunked, "xyz\r\n"), {"!400"}},
        Case{"space_before_colon", with("Content-Length : 2\r\n", "{}"), {"!400"}},
        Case{"nul_in_the_target", std::string("PUT /\0 HTTP/1.1\r\n\r\n", 19), {"!400"}},
        Case{"nul_in_a_field", with(std::string("X: \0\r\n", 6)), {"!400"}},
        Case{"bad_method", "P{T /a HTTP/1.1\r\n\r\n", {"!400"}},
        Case{"http_2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", {"!400"}},
        Case{"bare_newlines", "PUT /a HTTP/1.1\nHost: h\n\n\r\n\r\n", {"!400"}},
        Case{"longer_header", with_header_of(kRequestHeaderBytesMax + 64), {"!431"}},
        Case{"much_longer_header", with_header_of(50'000), {"!431"}},
        Case{"larger_body",
             with("Content-Length: " + std::to_string(customerio::kRequestBytesMax + 1) + "\r\n"),
             {"!413"}},
        Case{"larger_chunk", with(kChunked, "3d0901\r\n"), {"!413"}},
        Case{"after_a_good_one", with("") + "\x01\r\n\r\n", {"PUT /a|", "!400"}}),
    [](const auto& tested) { return tested.param.name; });

TEST(RequestReader, EveryByteAloneIsNoCrash) {
    for (int byte = 0; byte < 256; ++byte) {
        (void)read(std::string(100'000, static_cast<char>(byte)), 16384);
        (void)read(with(kChunked) + std::string(100'000, static_cast<char>(byte)), 16384);
    }
}

TEST(RequestReader, WhatDoesNotEndIsRefusedBeforeItIsLarge) {
    for (const std::string begin :
         {"PUT /a HTTP/1.1\r\nX: ",
          "PUT /",
          "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;",
          "PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX: "}) {
        RequestReader reader;
        reader.feed(begin);
        EXPECT_EQ(reader.next(), Status::incomplete);
        Status status = Status::incomplete;
        for (int i = 0; i < 40 && status == Status::incomplete; ++i) {
            reader.feed(std::string(1024, 'x'));
            status = reader.next();
        }
        ASSERT_EQ(status, Status::refused) << begin;
        EXPECT_EQ(reader.refusal().status, 431U) << begin;
    }
}

TEST(RequestReader, TakesTheLargestBody) {
    const std::string body(customerio::kRequestBytesMax, 'x');
    const std::string length = "Content-Length: " + std::to_string(body.size()) + "\r\n";
    EXPECT_EQ(read(with(length, body), 16384), (std::vector<std::string>{"PUT /a|" + body}));
}

TEST(RequestReader, SaysOnceThatABodyIsWaitedFor) {
    RequestReader reader;
    reader.feed(with("Expect: 100-continue\r\nContent-Length: 2\r\n"));
    EXPECT_EQ(reader.next(), Status::incomplete);
    EXPECT_TRUE(reader.take_expectation());
    EXPECT_FALSE(reader.take_expectation());
    reader.feed("{}");
    EXPECT_EQ(reader.next(), Status::complete);
    EXPECT_FALSE(reader.take_expectation());
}

TEST(RequestReader, ABodyThatIsThereAlreadyIsNotAskedFor) {
    RequestReader reader;
    reader.feed(with("Expect: 100-continue\r\nContent-Length: 2\r\n", "{}"));
    EXPECT_EQ(reader.next(), Status::complete);
    EXPECT_FALSE(reader.take_expectation());
}

TEST(RequestReader, BetweenRequestsNobodyIsWaitedFor) {
    RequestReader reader;
    EXPECT_FALSE(reader.is_inside_request());
    reader.feed("P");
    (void)reader.next();
    EXPECT_TRUE(reader.is_inside_request());
    reader.feed(with("").substr(1));
    EXPECT_EQ(reader.next(), Status::complete);
    EXPECT_FALSE(reader.is_inside_request());
    EXPECT_EQ(reader.next(), Status::incomplete);
    EXPECT_FALSE(reader.is_inside_request());
}

}  // namespace
}  // namespace holdfast::agent
