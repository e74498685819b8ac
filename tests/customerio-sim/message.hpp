// A request and an answer as plain values, and the exact bytes of an answer.
#pragma once

#include <nlohmann/json.hpp>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::customerio_sim {

using Json = nlohmann::json;

struct Request {
    std::string method;
    std::string target;  // as sent, with its query
    std::string authorization;
    std::string body;
    bool keep_alive = true;

    [[nodiscard]] std::string_view path() const;  // as sent, without the query
    [[nodiscard]] std::map<std::string, std::string> query()
        const;  // decoded; bad escapes left out
};

// A success as Customer.io answers it: 200 and an empty object, with one line feed after it.
struct Answer {
    unsigned status = 200;
    std::string body = "{}\n";
    std::vector<std::pair<std::string, std::string>>
        headers;  // besides those that every answer has
};

[[nodiscard]] Answer json_answer(unsigned status, const Json& body);
[[nodiscard]] Answer error_answer(unsigned status,
                                  std::string_view text);  // {"meta":{"error":text}}

// `http_date` is the value of the Date header; `with_body` is false for the answer to a HEAD.
[[nodiscard]] std::string wire(const Answer& answer,
                               std::string_view http_date,
                               bool keep_alive,
                               bool with_body);

// One line, never throwing: bytes that are not UTF-8 are replaced.
[[nodiscard]] std::string dump(const Json& value);

// Nothing for a text that is not JSON or is nested more than 100 deep (the library recurses when it
// copies and writes).
[[nodiscard]] std::optional<Json> parse_json(std::string_view text);

}  // namespace holdfast::customerio_sim
