#include "agent/ingest/request_parser.hpp"

#include "agent/ingest/request_key.hpp"
#include "proto/http/request.hpp"

#include <boost/beast/core/string.hpp>

namespace holdfast::agent {

namespace http = boost::beast::http;
using boost::beast::iequals;

namespace {

constexpr std::size_t kBodyBytesKept = std::size_t{64} * 1024;

}  // namespace

void HttpRequest::clear() {
    method.clear();
    target.clear();
    body.clear();
    if (body.capacity() > kBodyBytesKept) body = std::string();
    authorization.clear();
    key_field.clear();
    key_fields = 0;
    lane_field.clear();
    lane_fields = 0;
    name_field.clear();
    name_fields = 0;
    is_of_version_1_1 = false;
    keep_alive = false;
    has_origin = false;
    expects_continue = false;
    is_encoded = false;
    has_ambiguous_length = false;
}

RequestParser::RequestParser(HttpRequest& request) : request_(request) {
    request_.clear();
}

void RequestParser::on_request_impl(
    http::verb, Text method_text, Text target, int version, ErrorCode&) {
    request_.method.assign(method_text.data(), method_text.size());
    request_.target.assign(target.data(), target.size());
    request_.is_of_version_1_1 = version == 11;
}

void RequestParser::on_response_impl(int, Text, int, ErrorCode&) {}

void RequestParser::on_field_impl(http::field name, Text name_text, Text value, ErrorCode&) {
    if (in_trailer_) return;  // too late to mean anything
    switch (name) {
        case http::field::authorization:
            if (request_.authorization.empty()) {
                request_.authorization.assign(value.data(), value.size());
            }
            break;
        case http::field::origin:
            request_.has_origin = true;
            break;
        case http::field::expect:
            request_.expects_continue = iequals(value, "100-continue");
            break;
        case http::field::content_encoding:
            request_.is_encoded = request_.is_encoded || !iequals(value, "identity");
            break;
        case http::field::content_length:
            ++lengths_;
            length_is_list_ = length_is_list_ || value.find(',') != Text::npos;
            break;
        case http::field::transfer_encoding:
            ++encodings_;
            chunked_only_ = chunked_only_ && iequals(value, "chunked");
            break;
        case http::field::unknown:
            on_unknown_field(name_text, value);
            break;
        default:
            break;
    }
}

// That is, to Beast.
void RequestParser::on_unknown_field(Text name, Text value) {
    const auto keep = [&](std::string_view wanted, std::string& first, std::size_t& count) {
        if (!iequals(name, Text(wanted.data(), wanted.size()))) return;
        if (count++ == 0) first.assign(value.data(), value.size());
    };
    keep(kKeyField, request_.key_field, request_.key_fields);
    keep(holdfast::http::kKeyField, request_.lane_field, request_.lane_fields);
    keep(holdfast::http::kNameField, request_.name_field, request_.name_fields);
}

void RequestParser::on_header_impl(ErrorCode&) {
    in_trailer_ = true;
    request_.keep_alive = keep_alive();
    // What a proxy and we could frame differently is how requests are smuggled.
    const bool is_chunked =
        encodings_ == 1 && chunked_only_ && lengths_ == 0 && request_.is_of_version_1_1;
    request_.has_ambiguous_length =
        lengths_ > 1 || length_is_list_ || (encodings_ > 0 && !is_chunked);
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>&, ErrorCode&) {}

std::size_t RequestParser::on_body_impl(Text body, ErrorCode&) {
    request_.body.append(body.data(), body.size());
    return body.size();
}

void RequestParser::on_chunk_header_impl(std::uint64_t, Text, ErrorCode&) {}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, Text body, ErrorCode& ec) {
    return on_body_impl(body, ec);
}

void RequestParser::on_finish_impl(ErrorCode&) {}

}  // namespace holdfast::agent
