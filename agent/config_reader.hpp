// Reads keys out of a TOML file and collects everything that is wrong with it: each read names the
// key, its default and what is allowed, so that these stand together and nowhere else.
#pragma once

#include "proto/result.hpp"
#include "proto/time.hpp"

#include <toml++/toml.h>

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::agent {

// What was found wrong, in the order of the file, as "FILE:LINE: KEY: what is wrong; allowed: …".
class Findings {
public:
    explicit Findings(std::string file) : file_(std::move(file)) {}

    void error(unsigned line,
               std::string_view key,
               std::string_view what,
               std::string_view allowed = {});
    void warn(unsigned line, std::string_view key, std::string_view what);

    [[nodiscard]] bool any_errors() const { return !errors_.empty(); }

    [[nodiscard]] std::string errors() const;  // a line each, without a newline at the end
    [[nodiscard]] std::vector<std::string> warnings() const;

private:
    struct Finding {
        unsigned line;
        std::string text;
    };

    [[nodiscard]] Finding finding(unsigned line, std::string_view key, std::string_view what) const;

    std::string file_;
    std::vector<Finding> errors_;
    std::vector<Finding> warnings_;
};

template <class T>
struct Limits {
    T fallback;  // when the key is not there
    T min;
    T max;
};

// One table of the file. Every read returns something usable, also after an error, so that reading
// goes on and finds the rest. Borrows the table and the findings.
class Section {
public:
    Section(const toml::table& table, std::string name, unsigned line, Findings& findings);

    [[nodiscard]] bool has(std::string_view key) const;

    // In the order of the file.
    [[nodiscard]] std::vector<std::string> keys() const;

    // [key]; an empty one when it is not there.
    [[nodiscard]] Section table(std::string_view key);
    // [[key]]; none when it is not there.
    [[nodiscard]] std::vector<Section> tables(std::string_view key);

    // Any text. Nothing when the key is not there.
    [[nodiscard]] std::optional<std::string> text(std::string_view key);
    // A text that must be there and pass `fits`; `allowed` says in words what does. Else empty.
    [[nodiscard]] std::string text(std::string_view key,
                                   std::string_view allowed,
                                   const std::function<bool(std::string_view)>& fits);
    // A list of texts.
    [[nodiscard]] std::vector<std::string> texts(std::string_view key,
                                                 std::vector<std::string> fallback);
    // An absolute path of at most `bytes_max` bytes.
    [[nodiscard]] std::string path(std::string_view key,
                                   std::string_view fallback,
                                   std::size_t bytes_max = 4095);
    // One of `choices`. An empty `fallback`: the key must be there.
    [[nodiscard]] std::string choice(std::string_view key,
                                     std::string_view fallback,
                                     std::initializer_list<std::string_view> choices);
    [[nodiscard]] std::uint64_t integer(std::string_view key, Limits<std::uint64_t> limits);
    [[nodiscard]] std::uint64_t size(std::string_view key, Limits<std::uint64_t> limits);
    // Nothing for `word`, and when the key is not there.
    [[nodiscard]] std::optional<std::uint64_t> size_or(std::string_view key,
                                                       std::string_view word,
                                                       Limits<std::uint64_t> limits);
    [[nodiscard]] Duration duration(std::string_view key, Limits<Duration> limits);
    // Nothing for "never".
    [[nodiscard]] std::optional<Duration> duration_or_never(std::string_view key,
                                                            Limits<Duration> limits);

    // At the line of the key when it is there, else at that of the section.
    void error(std::string_view key, std::string_view what, std::string_view allowed = {});
    void warn(std::string_view key, std::string_view what);

    // None of these may be there; `why` says what is wrong with one that is.
    void refuse(std::span<const std::string_view> keys, std::string_view why);

    // Call last: every key that no read has asked for is an error.
    void refuse_unknown_keys();

private:
    [[nodiscard]] const toml::node* find(std::string_view key);
    [[nodiscard]] std::string full(std::string_view key) const;
    [[nodiscard]] unsigned line_of(std::string_view key) const;
    [[nodiscard]] std::uint64_t checked_size(std::string_view key,
                                             const toml::node& node,
                                             Limits<std::uint64_t> limits,
                                             const std::string& also_allowed);
    [[nodiscard]] Duration checked(std::string_view key,
                                   const std::string& written,
                                   Limits<Duration> limits,
                                   std::string_view also_allowed);

    const toml::table* table_;
    std::string name_;  // "" for the whole file
    unsigned line_;
    Findings* findings_;
    std::vector<std::string> known_;
    std::vector<std::string> refused_;
};

// Errors: bad_config, with the line at which `text` stops being TOML.
[[nodiscard]] Result<toml::table> parse_toml(std::string_view text, const std::string& file);

}  // namespace holdfast::agent
