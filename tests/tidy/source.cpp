#include "tests/tidy/source.hpp"

#include <algorithm>
#include <cctype>
#include <regex>
#include <sstream>

namespace holdfast::tidy {
namespace {

bool is_word(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
}

// Blanks text[from, to), but keeps its lines.
void blank(std::string& text, std::size_t from, std::size_t to) {
    for (std::size_t i = from; i < to; ++i) {
        if (text[i] != '\n') text[i] = ' ';
    }
}

// The offset behind the first `what` at or after `from`, or the end.
std::size_t behind(std::string_view text, std::string_view what, std::size_t from) {
    const std::size_t at = text.find(what, from);
    return at == std::string_view::npos ? text.size() : at + what.size();
}

// The offset behind a "…" or '…' that opens at `from`.
std::size_t behind_literal(std::string_view text, std::size_t from) {
    std::size_t i = from + 1;
    while (i < text.size() && text[i] != text[from]) i += text[i] == '\\' ? 2U : 1U;
    return std::min(i + 1, text.size());
}

// The offset behind R"x(…)x", whose quote is at `quote`.
std::size_t behind_raw_literal(std::string_view text, std::size_t quote) {
    const std::size_t open = std::min(text.find('(', quote), text.size() - 1);
    std::string end = ")";
    end.append(text.substr(quote + 1, open - quote - 1)).append("\"");
    return behind(text, end, open);
}

}  // namespace

std::vector<Include> includes_of(const Source& source) {
    static const std::regex pattern(R"re(\s*#\s*include\s*([<"])([^>"]+)[>"].*)re");
    std::vector<Include> includes;
    std::istringstream lines(source.text);
    std::string line;
    for (std::size_t number = 1; std::getline(lines, line); ++number) {
        std::smatch match;
        if (!std::regex_match(line, match, pattern)) continue;
        includes.push_back({.name = match[2], .quoted = match[1] == "\"", .line = number});
    }
    return includes;
}

std::string code_of(std::string_view text) {
    std::string code(text);
    std::size_t i = 0;
    while (i < text.size()) {
        const bool in_word = i > 0 && is_word(text[i - 1]);
        if (text.substr(i, 2) == "//") {
            const std::size_t end = std::min(text.find('\n', i), text.size());
            blank(code, i, end);
            i = end;
        } else if (text.substr(i, 2) == "/*") {
            const std::size_t end = behind(text, "*/", i + 2);
            blank(code, i, end);
            i = end;
        } else if (text.substr(i, 2) == "R\"" && !in_word) {
            const std::size_t end = behind_raw_literal(text, i + 1);
            blank(code, i, end);
            i = end;
        } else if (text[i] == '"' || (text[i] == '\'' && !in_word)) {  // 1'000 is a number
            const std::size_t end = behind_literal(text, i);
            blank(code, i + 1, end - 1);
            i = end;
        } else {
            ++i;
        }
    }
    return code;
}

std::size_t line_at(std::string_view text, std::size_t offset) {
    const std::string_view before = text.substr(0, offset);
    return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

std::string finding(const std::string& path, std::size_t line, const std::string& what) {
    return path + ":" + std::to_string(line) + ": " + what;
}

}  // namespace holdfast::tidy
