#include "agent/header_template.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace holdfast::agent {
namespace {

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";

struct Variable {
    std::string_view name;
    std::string_view HeaderValues::*value;
};

constexpr std::array kVariables = {
    Variable{"attempt", &HeaderValues::attempt},
    Variable{"destination", &HeaderValues::destination},
    Variable{"id", &HeaderValues::id},
    Variable{"key", &HeaderValues::key},
    Variable{"name", &HeaderValues::name},
    Variable{"timestamp", &HeaderValues::timestamp},
};

std::string_view trimmed(std::string_view text) {
    while (text.starts_with(' ')) text.remove_prefix(1);
    while (text.ends_with(' ')) text.remove_suffix(1);
    return text;
}

}  // namespace

Result<HeaderTemplate> HeaderTemplate::parse(std::string_view text) {
    HeaderTemplate made;
    for (;;) {
        const std::size_t open = text.find(kOpen);
        Piece piece{.before = std::string(text.substr(0, open))};
        if (open == std::string_view::npos) {
            made.pieces_.push_back(std::move(piece));
            return made;
        }
        text.remove_prefix(open + kOpen.size());
        const std::size_t close = text.find(kClose);
        if (close == std::string_view::npos) {
            return Error{Errc::bad_config, "there is a {{ without its }}"};
        }
        const std::string_view name = trimmed(text.substr(0, close));
        const auto found = std::find_if(kVariables.begin(),
                                        kVariables.end(),
                                        [name](const Variable& one) { return one.name == name; });
        if (found == kVariables.end()) {
            return Error{Errc::bad_config, "\"{{" + std::string(name) + "}}\" is not known"};
        }
        piece.value = found->value;
        made.pieces_.push_back(std::move(piece));
        text.remove_prefix(close + kClose.size());
    }
}

std::string HeaderTemplate::render(const HeaderValues& values) const {
    std::string out;
    for (const Piece& piece : pieces_) {
        out.append(piece.before);
        if (piece.value != nullptr) out.append(values.*piece.value);
    }
    return out;
}

std::string header_variables() {
    std::string text;
    for (const Variable& one : kVariables) {
        text.append(text.empty() ? "" : ", ").append(kOpen).append(one.name).append(kClose);
    }
    return text;
}

}  // namespace holdfast::agent
