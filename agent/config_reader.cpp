#include "agent/config_reader.hpp"

#include "agent/units.hpp"

#include <algorithm>
#include <numeric>

namespace holdfast::agent {
namespace {

std::string quoted(std::string_view text) {
    return "\"" + std::string(text) + "\"";
}

std::string range(const std::string& min, const std::string& max) {
    return min + " to " + max;
}

// Levenshtein's distance, for "did you mean".
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), 0U);
    for (std::size_t i = 0; i < a.size(); ++i) {
        std::size_t diagonal = std::exchange(row[0], i + 1);
        for (std::size_t j = 0; j < b.size(); ++j) {
            const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
            diagonal = row[j + 1];
            row[j + 1] = std::min({replaced, diagonal + 1, row[j] + 1});
        }
    }
    return row.back();
}

std::string joined(std::vector<std::string> words) {
    std::sort(words.begin(), words.end());
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

// Whatever stands in the file: a finding is one line, and says nothing to a terminal.
std::string one_line(std::string text) {
    const auto is_control = [](char c) { return (c >= 0 && c < ' ') || c == '\x7f'; };
    std::replace_if(text.begin(), text.end(), is_control, '?');
    return text;
}

}  // namespace

Findings::Finding Findings::finding(unsigned line,
                                    std::string_view key,
                                    std::string_view what) const {
    return {line,
            file_ + ":" + std::to_string(line) + ": " + one_line(std::string(key)) + ": " +
                one_line(std::string(what))};
}

void Findings::error(unsigned line,
                     std::string_view key,
                     std::string_view what,
                     std::string_view allowed) {
    errors_.push_back(finding(line, key, what));
    if (!allowed.empty()) errors_.back().text += "; allowed: " + std::string(allowed);
}

void Findings::warn(unsigned line, std::string_view key, std::string_view what) {
    warnings_.push_back(finding(line, key, what));
}

std::string Findings::errors() const {
    std::vector<Finding> sorted = errors_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Finding& a, const Finding& b) {
        return a.line < b.line;
    });
    std::string text;
    for (const Finding& found : sorted) text += (text.empty() ? "" : "\n") + found.text;
    return text;
}

std::vector<std::string> Findings::warnings() const {
    std::vector<std::string> texts;
    for (const Finding& found : warnings_) texts.push_back(found.text);
    return texts;
}

Section::Section(const toml::table& table, std::string name, unsigned line, Findings& findings)
    : table_(&table), name_(std::move(name)), line_(line), findings_(&findings) {}

bool Section::has(std::string_view key) const {
    return table_->contains(key);
}

std::vector<std::string> Section::keys() const {
    std::vector<std::pair<toml::source_position, std::string>> found;
    for (auto&& [key, node] : *table_) found.emplace_back(key.source().begin, key.str());
    std::sort(found.begin(), found.end());
    std::vector<std::string> keys;
    keys.reserve(found.size());
    for (auto& [at, key] : found) keys.push_back(std::move(key));
    return keys;
}

const toml::node* Section::find(std::string_view key) {
    known_.emplace_back(key);
    return table_->get(key);
}

std::string Section::full(std::string_view key) const {
    return name_.empty() ? std::string(key) : name_ + "." + std::string(key);
}

unsigned Section::line_of(std::string_view key) const {
    const auto at = table_->find(key);
    return at == table_->end() ? line_ : at->first.source().begin.line;
}

void Section::error(std::string_view key, std::string_view what, std::string_view allowed) {
    findings_->error(line_of(key), full(key), what, allowed);
}

void Section::warn(std::string_view key, std::string_view what) {
    findings_->warn(line_of(key), full(key), what);
}

Section Section::table(std::string_view key) {
    static const toml::table kNone;
    const toml::node* node = find(key);
    if (node && !node->is_table()) error(key, "is not a table", "[" + full(key) + "]");
    const toml::table* found = node ? node->as_table() : nullptr;
    return {found ? *found : kNone, full(key), line_of(key), *findings_};
}

std::vector<Section> Section::tables(std::string_view key) {
    std::vector<Section> sections;
    const toml::node* node = find(key);
    if (!node) return sections;
    if (!node->is_array_of_tables()) {
        error(key, "is not a list of tables", "[[" + full(key) + "]]");
        return sections;
    }
    for (const toml::node& element : *node->as_array()) {
        sections.push_back(
            {*element.as_table(), full(key), element.source().begin.line, *findings_});
    }
    return sections;
}

std::optional<std::string> Section::text(std::string_view key) {
    const toml::node* node = find(key);
    if (!node) return std::nullopt;
    if (const auto* value = node->as_string()) return value->get();
    error(key, "is not a text", "a text in quotes");
    return std::nullopt;
}

std::string Section::text(std::string_view key,
                          std::string_view allowed,
                          const std::function<bool(std::string_view)>& fits) {
    std::optional<std::string> value = text(key);
    if (!value && !has(key)) error(key, "is missing", allowed);
    if (!value) return {};
    if (fits(*value)) return *value;
    error(key, quoted(*value) + " does not fit", allowed);
    return {};
}

std::vector<std::string> Section::texts(std::string_view key, std::vector<std::string> fallback) {
    const toml::node* node = find(key);
    if (!node) return fallback;
    std::vector<std::string> texts;
    if (const auto* list = node->as_array()) {
        for (const toml::node& one : *list) {
            if (const auto* value = one.as_string()) texts.push_back(value->get());
        }
        if (texts.size() == list->size()) return texts;
    }
    error(key, "is not a list of texts", "[\"one\", \"another\"]");
    return fallback;
}

std::string Section::path(std::string_view key, std::string_view fallback, std::size_t bytes_max) {
    const std::optional<std::string> value = text(key);
    if (!value) return std::string(fallback);
    const bool has_nul = value->find('\0') != std::string::npos;
    if (value->starts_with('/') && value->size() <= bytes_max && !has_nul) return *value;
    // Without the text: people paste a key where the path of its file belongs.
    error(key,
          "is not a path",
          "an absolute path of at most " + std::to_string(bytes_max) + " bytes");
    return std::string(fallback);
}

std::string Section::choice(std::string_view key,
                            std::string_view fallback,
                            std::initializer_list<std::string_view> choices) {
    std::vector<std::string> allowed;
    for (const std::string_view one : choices) allowed.push_back(quoted(one));
    const std::optional<std::string> value = text(key);
    if (!value) {
        if (fallback.empty() && !has(key)) error(key, "is missing", joined(allowed));
        return std::string(fallback);
    }
    if (std::find(choices.begin(), choices.end(), *value) != choices.end()) return *value;
    error(key, quoted(*value) + " is not known", joined(allowed));
    return std::string(fallback);
}

std::uint64_t Section::integer(std::string_view key, Limits<std::uint64_t> limits) {
    const toml::node* node = find(key);
    if (!node) return limits.fallback;
    const std::string allowed = range(std::to_string(limits.min), std::to_string(limits.max));
    const auto* value = node->as_integer();
    if (!value) {
        error(key, "is not a whole number", allowed);
        return limits.fallback;
    }
    const std::int64_t number = value->get();
    if (number >= 0 && static_cast<std::uint64_t>(number) >= limits.min &&
        static_cast<std::uint64_t>(number) <= limits.max) {
        return static_cast<std::uint64_t>(number);
    }
    error(key, std::to_string(number) + " is out of range", allowed);
    return limits.fallback;
}

std::uint64_t Section::size(std::string_view key, Limits<std::uint64_t> limits) {
    const toml::node* node = find(key);
    return node ? checked_size(key, *node, limits, "") : limits.fallback;
}

std::optional<std::uint64_t> Section::size_or(std::string_view key,
                                              std::string_view word,
                                              Limits<std::uint64_t> limits) {
    const toml::node* node = find(key);
    if (!node) return std::nullopt;
    if (const auto* value = node->as_string(); value && value->get() == word) return std::nullopt;
    return checked_size(key, *node, limits, ", or " + quoted(word));
}

std::uint64_t Section::checked_size(std::string_view key,
                                    const toml::node& node,
                                    Limits<std::uint64_t> limits,
                                    const std::string& also_allowed) {
    const std::string allowed = range(format_size(limits.min), format_size(limits.max)) +
                                " (units kB, MB, GB, KiB, MiB, GiB, or none for bytes)" +
                                also_allowed;
    std::optional<std::uint64_t> bytes;
    if (const auto* value = node.as_string()) bytes = parse_size(value->get());
    if (const auto* value = node.as_integer(); value && value->get() >= 0) {
        bytes = static_cast<std::uint64_t>(value->get());
    }
    if (!bytes) {
        error(key, "is not a size", allowed);
        return limits.fallback;
    }
    if (*bytes >= limits.min && *bytes <= limits.max) return *bytes;
    error(key, format_size(*bytes) + " is out of range", allowed);
    return limits.fallback;
}

Duration Section::checked(std::string_view key,
                          const std::string& written,
                          Limits<Duration> limits,
                          std::string_view also_allowed) {
    const std::string allowed = range(format_duration(limits.min), format_duration(limits.max)) +
                                " (units ms, s, m, h, d)" + std::string(also_allowed);
    const std::optional<Duration> value = parse_duration(written);
    if (!value) {
        error(key, quoted(written) + " is not a duration", allowed);
        return limits.fallback;
    }
    if (*value >= limits.min && *value <= limits.max) return *value;
    error(key, format_duration(*value) + " is out of range", allowed);
    return limits.fallback;
}

Duration Section::duration(std::string_view key, Limits<Duration> limits) {
    const std::optional<std::string> written = text(key);
    return written ? checked(key, *written, limits, "") : limits.fallback;
}

std::optional<Duration> Section::duration_or_never(std::string_view key, Limits<Duration> limits) {
    const std::optional<std::string> written = text(key);
    if (!written) return limits.fallback;
    if (*written == "never") return std::nullopt;
    return checked(key, *written, limits, ", or \"never\"");
}

void Section::refuse(std::span<const std::string_view> keys, std::string_view why) {
    for (const std::string_view key : keys) {
        if (!has(key)) continue;
        refused_.emplace_back(key);
        error(key, why);
    }
}

void Section::refuse_unknown_keys() {
    for (auto&& [key, node] : *table_) {
        const std::string_view unknown = key.str();
        if (std::find(known_.begin(), known_.end(), unknown) != known_.end()) continue;
        if (std::find(refused_.begin(), refused_.end(), unknown) != refused_.end()) continue;
        const auto nearer = [unknown](const std::string& a, const std::string& b) {
            return distance(a, unknown) < distance(b, unknown);
        };
        const auto nearest = std::min_element(known_.begin(), known_.end(), nearer);
        std::string what = "unknown key";
        if (nearest != known_.end() && distance(*nearest, unknown) <= 2) {
            what += ", did you mean " + quoted(*nearest) + "?";
        }
        error(unknown, what, joined(known_));
    }
}

Result<toml::table> parse_toml(std::string_view text, const std::string& file) {
    try {  // the library has no other way to say it
        return toml::parse(text, file);
    } catch (const toml::parse_error& error) {
        return Error{Errc::bad_config,
                     file + ":" + std::to_string(error.source().begin.line) +
                         ": not TOML: " + one_line(std::string(error.description()))};
    }
}

}  // namespace holdfast::agent
