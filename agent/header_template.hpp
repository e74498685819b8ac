// The value of a header with what is put in for each request: "order-{{id}}". Pure.
#pragma once

#include "proto/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::agent {

// What can be put in. Borrowed.
struct HeaderValues {
    std::string_view id = {};           // the same in every attempt and replay
    std::string_view name = {};         // of the event; may be empty
    std::string_view key = {};          // of the lane; may be empty
    std::string_view timestamp = {};    // unix seconds of its acceptance
    std::string_view destination = {};  // its name
    std::string_view attempt = {};      // 1: the first
};

class HeaderTemplate {
public:
    // Errors: bad_config; the text has a "{{" that does not end, or something unknown behind it. No
    // more of the text is shown: it may hold a credential by mistake.
    [[nodiscard]] static Result<HeaderTemplate> parse(std::string_view text);

    [[nodiscard]] std::string render(const HeaderValues& values) const;

private:
    struct Piece {
        std::string before;
        std::string_view HeaderValues::*value = nullptr;  // behind it; nullptr: nothing
    };

    std::vector<Piece> pieces_;
};

// As a message lists what may be put in: "{{attempt}}, {{destination}}, …".
[[nodiscard]] std::string header_variables();

}  // namespace holdfast::agent
