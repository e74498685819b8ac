#include "agent/ingest/request_reader.hpp"

#include "proto/customerio/limits.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/error.hpp>

#include <utility>

namespace holdfast::agent {
namespace {

namespace http = boost::beast::http;

// What is left of a chunked body is never shorter. Beast 1.81 asserts so when it goes on after the
// first three bytes of it.
constexpr std::string_view kLastChunk = "0\r\n\r\n";

std::optional<customerio::Refusal> framing_fault(const HttpRequest& request) {
    if (request.has_ambiguous_length) {
        return customerio::Refusal{400, "malformed", "the length of the request is ambiguous"};
    }
    if (request.is_encoded) {
        return customerio::Refusal{
            415, "unsupported_encoding", "send the body without a content encoding"};
    }
    return std::nullopt;
}

customerio::Refusal refusal_of(boost::beast::error_code ec) {
    if (ec == http::error::body_limit) {
        return {
            413,
            "too_large",
            "the body is larger than " + std::to_string(customerio::kRequestBytesMax) + " bytes"};
    }
    if (ec == http::error::header_limit) {
        return {431,
                "too_large",
                "the header is larger than " + std::to_string(kRequestHeaderBytesMax) + " bytes"};
    }
    return {400, "malformed", "this is not HTTP/1.1: " + ec.message()};
}

}  // namespace

RequestReader::RequestReader() = default;

std::size_t RequestReader::bytes_expected() const {
    if (!parser_ || !parser_->got_some() || parser_->is_done()) return 0;
    if (!parser_->is_header_done()) return kRequestHeaderBytesMax;
    const auto length = parser_->content_length();
    return length ? static_cast<std::size_t>(*length) : customerio::kRequestBytesMax;
}

void RequestReader::forget() {
    buffer_ = std::string();
    parsed_ = 0;
    request_.clear();
}

void RequestReader::feed(std::string_view bytes) {
    // What is left is at most the beginning of a header or of a chunk: the parser takes the rest.
    buffer_.erase(0, parsed_);
    parsed_ = 0;
    buffer_.append(bytes);
}

bool RequestReader::is_inside_request() const {
    return parsed_ < buffer_.size() || (parser_ && parser_->got_some() && !parser_->is_done());
}

RequestReader::Status RequestReader::next() {
    if (refusal_) return Status::refused;
    if (!parser_ || parser_->is_done()) {
        parser_.emplace(request_);
        parser_->eager(true);
        parser_->header_limit(kRequestHeaderBytesMax);
        parser_->body_limit(customerio::kRequestBytesMax);
        expectation_taken_ = false;
    }
    boost::beast::error_code ec;
    while (parsed_ < buffer_.size() && !parser_->is_done() && !ec) {
        if (parser_->chunked() && buffer_.size() - parsed_ < kLastChunk.size()) break;
        const std::size_t used = parser_->put(
            boost::asio::buffer(buffer_.data() + parsed_, buffer_.size() - parsed_), ec);
        parsed_ += used;
        if (used == 0) break;
    }
    // Before the parser's own verdict, which depends on how much of the body is here already.
    if (parser_->is_header_done()) {
        if (auto fault = framing_fault(request_)) return refuse(std::move(*fault));
    }
    if (ec && ec != http::error::need_more) return refuse(refusal_of(ec));
    if (parser_->is_done()) return Status::complete;
    // The parser sets no limit to a chunk's extension and to a trailer that do not end.
    if (buffer_.size() - parsed_ > kRequestHeaderBytesMax) {
        return refuse(refusal_of(http::error::header_limit));
    }
    return Status::incomplete;
}

bool RequestReader::take_expectation() {
    if (expectation_taken_ || !parser_ || !parser_->is_header_done() || parser_->is_done()) {
        return false;
    }
    if (!request_.expects_continue) return false;
    expectation_taken_ = true;
    return true;
}

RequestReader::Status RequestReader::refuse(customerio::Refusal refusal) {
    refusal_ = std::move(refusal);
    return Status::refused;
}

}  // namespace holdfast::agent
