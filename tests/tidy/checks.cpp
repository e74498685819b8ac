#include "tests/tidy/checks.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <regex>
#include <string_view>

namespace holdfast::tidy {
namespace {

using Names = std::vector<std::string_view>;

bool starts_with_any(std::string_view text, const Names& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(), [text](std::string_view prefix) {
        return text.starts_with(prefix);
    });
}

// Files below `room` may include, of ours, what begins with one of `may`. The first row that fits
// counts.
struct Layer {
    std::string_view room;
    Names may;
};

const std::vector<Layer>& layers() {
    static const std::vector<Layer> table = {
        {"proto/", {"proto/"}},
        {"wal/", {"proto/", "wal/"}},
        // Decides; what is an attempt and what came of it are plain values.
        {"transport/policy/", {"proto/", "transport/policy/", "transport/attempt.hpp"}},
        {"transport/", {"proto/", "transport/"}},
        // Is installed for applications: knows the frames and nothing of the agent.
        {"agent/client/", {"proto/", "agent/client/"}},
        {"agent/", {"proto/", "wal/", "transport/", "agent/"}},
        // Checks the agent, so it shares only the vendor's published limits with it.
        {"tests/customerio-sim/", {"proto/customerio/limits.hpp", "tests/customerio-sim/"}},
    };
    return table;
}

// Headers that begin with one of `headers` may be seen by files whose path begins with one of
// `doors`.
struct Library {
    std::string_view name;
    Names headers;
    Names doors;
    Names but_not;
};

const std::vector<Library>& libraries() {
    static const std::vector<Library> table = {
        {"RocksDB", {"rocksdb/"}, {"wal/"}, {}},
        {"Asio, Beast and OpenSSL",
         {"boost/asio", "boost/beast", "openssl/"},
         {"transport/", "agent/"},
         {"transport/policy/"}},
        {"Boost.URL", {"boost/url"}, {"proto/", "transport/origin.", "agent/"}, {}},
        {"simdjson", {"simdjson"}, {"proto/"}, {}},
        {"nlohmann_json", {"nlohmann/"}, {"proto/", "agent/"}, {}},
        {"toml++", {"toml++/"}, {"agent/"}, {}},
        {"CLI11", {"CLI/"}, {"agent/"}, {}},
        {"libsystemd", {"systemd/"}, {"agent/"}, {}},
    };
    return table;
}

bool is_code(std::string_view path) {
    return path.ends_with(".cpp") || path.ends_with(".hpp");
}

char last_before(std::string_view code, std::size_t at) {
    const std::size_t found = code.substr(0, at).find_last_not_of(" \t\n");
    return found == std::string_view::npos ? ' ' : code[found];
}

// `[` opens a closure unless it stands behind a value, as an index does.
bool opens_closure(std::string_view code, std::size_t at) {
    const char before = last_before(code, at);
    const bool behind_value = std::isalnum(static_cast<unsigned char>(before)) != 0 ||
                              before == '_' || before == ')' || before == ']' || before == '"';
    return !behind_value;
}

// What is made inside the operand that begins at `from`, or nothing.
std::string_view made_in_operand(std::string_view code, std::size_t from) {
    int depth = 0;
    for (std::size_t i = from; i < code.size(); ++i) {
        switch (code[i]) {
            case ';':
                return {};
            case ',':
                if (depth == 0) return {};
                break;
            case '{':
                return "a braced temporary";
            case '[':
                if (opens_closure(code, i)) return "a lambda";
                ++depth;
                break;
            case '(':
                ++depth;
                break;
            case ')':
            case ']':
                if (--depth < 0) return {};
                break;
            default:
                break;
        }
    }
    return {};
}

}  // namespace

Findings check_layers(const Source& source) {
    const auto layer = std::find_if(layers().begin(), layers().end(), [&](const Layer& row) {
        return source.path.starts_with(row.room);
    });
    if (layer == layers().end() || !is_code(source.path)) return {};
    Findings findings;
    for (const Include& include : includes_of(source)) {
        if (!include.quoted || starts_with_any(include.name, layer->may)) continue;
        findings.push_back(finding(source.path,
                                   include.line,
                                   std::string(layer->room) + " may not include " + include.name));
    }
    return findings;
}

Findings check_library_doors(const Source& source) {
    if (source.path.starts_with("tests/") || !is_code(source.path)) return {};
    Findings findings;
    for (const Include& include : includes_of(source)) {
        for (const Library& library : libraries()) {
            if (!starts_with_any(include.name, library.headers)) continue;
            const bool by_a_door = starts_with_any(source.path, library.doors) &&
                                   !starts_with_any(source.path, library.but_not);
            if (by_a_door) continue;
            findings.push_back(
                finding(source.path,
                        include.line,
                        std::string(library.name) + " may not be used here: " + include.name));
        }
    }
    return findings;
}

Findings check_pragma_once(const Source& source) {
    if (!source.path.ends_with(".hpp")) return {};
    static const std::regex pattern(R"((^|\n)#pragma once\n)");
    if (std::regex_search(source.text, pattern)) return {};
    return {finding(source.path, 1, "a header without #pragma once")};
}

Findings check_awaits(const Source& source) {
    if (!is_code(source.path)) return {};
    constexpr std::string_view kAwait = "co_await";
    const std::string code = code_of(source.text);
    Findings findings;
    for (std::size_t at = code.find(kAwait); at != std::string::npos;
         at = code.find(kAwait, at + 1)) {
        const std::string_view made = made_in_operand(code, at + kAwait.size());
        if (made.empty()) continue;
        findings.push_back(finding(source.path,
                                   line_at(code, at),
                                   std::string(made) + " inside a co_await: name it first"));
    }
    return findings;
}

Findings check_left_overs(const Source& source) {
    static const std::array<std::regex, 2> patterns = {
        std::regex(R"(TODO\(now\))"),
        std::regex(R"((^|[^A-Za-z0-9_.}~-])/(work|home|Users)/[A-Za-z0-9_.-]+)"),
    };
    Findings findings;
    for (const std::regex& pattern : patterns) {
        const std::string& text = source.text;
        for (std::sregex_iterator match(text.begin(), text.end(), pattern), end; match != end;
             ++match) {
            const auto at = static_cast<std::size_t>(match->position());
            const std::size_t start =
                text.find_first_not_of('\n', at);  // the match may begin with one
            findings.push_back(
                finding(source.path, line_at(text, start), "a left-over: " + match->str()));
        }
    }
    return findings;
}

}  // namespace holdfast::tidy
