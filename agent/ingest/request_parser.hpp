// One HTTP request and the parser that fills it: Beast's grammar, and of the fields only those that
// we look at. Nothing is allocated for a request of usual size once its texts have grown.
#pragma once

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::agent {

struct HttpRequest {
    std::string method;
    std::string target;
    std::string body;            // a large one's memory is given back before the next request
    std::string authorization;   // the first one's value; "" without the field
    std::string key_field;       // of Idempotency-Key, likewise
    std::size_t key_fields = 0;  // how many of them there are
    std::string lane_field;      // of Holdfast-Key, likewise
    std::size_t lane_fields = 0;
    std::string name_field;  // of Holdfast-Event, likewise
    std::size_t name_fields = 0;
    bool is_of_version_1_1 = false;
    bool keep_alive = false;
    bool has_origin = false;
    bool expects_continue = false;
    bool is_encoded = false;            // the body, other than "identity"
    bool has_ambiguous_length = false;  // two parsers could find two ends of its body

    void clear();

    bool operator==(const HttpRequest&) const = default;
};

class RequestParser : public boost::beast::http::basic_parser<true> {
public:
    // Fills `request`, which outlives it, from empty.
    explicit RequestParser(HttpRequest& request);

private:
    using Text = boost::beast::string_view;
    using ErrorCode = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb method,
                         Text method_text,
                         Text target,
                         int version,
                         ErrorCode& ec) override;
    void on_response_impl(int status, Text reason, int version, ErrorCode& ec) override;
    void on_field_impl(boost::beast::http::field name,
                       Text name_text,
                       Text value,
                       ErrorCode& ec) override;
    void on_header_impl(ErrorCode& ec) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& length, ErrorCode& ec) override;
    std::size_t on_body_impl(Text body, ErrorCode& ec) override;
    void on_chunk_header_impl(std::uint64_t size, Text extensions, ErrorCode& ec) override;
    std::size_t on_chunk_body_impl(std::uint64_t left, Text body, ErrorCode& ec) override;
    void on_finish_impl(ErrorCode& ec) override;

    void on_unknown_field(Text name, Text value);

    HttpRequest& request_;
    std::size_t lengths_ = 0;
    std::size_t encodings_ = 0;
    bool chunked_only_ = true;
    bool length_is_list_ = false;
    bool in_trailer_ = false;
};

}  // namespace holdfast::agent
