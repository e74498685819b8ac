#include "tests/customerio-sim/faults.hpp"

#include "tests/customerio-sim/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace holdfast::customerio_sim {
namespace {

using Problem = std::optional<std::string>;

constexpr std::int64_t kMillisecondsMax = 86'400'000;

bool has_line_break(std::string_view text) {
    return text.find_first_of("\r\n") != std::string_view::npos;
}

Problem wrong(const std::string& key, std::string_view wanted) {
    return fmt::format("`{}` must be {}", key, wanted);
}

Problem read_flag(const std::string& key, const Json& value, bool& flag) {
    if (!value.is_boolean()) return wrong(key, "true or false");
    flag = value.get<bool>();
    return std::nullopt;
}

Problem read_cut(const std::string& key, const Json& value, Fault::Cut& cut) {
    if (value == "before") {
        cut = Fault::Cut::before;
    } else if (value == "after") {
        cut = Fault::Cut::after;
    } else {
        return wrong(key, "\"before\" or \"after\"");
    }
    return std::nullopt;
}

Problem read_milliseconds(const std::string& key,
                          const Json& value,
                          std::chrono::milliseconds& duration) {
    if (!value.is_number_integer() || value < 0 || value > kMillisecondsMax) {
        return wrong(key, "a number of milliseconds, at most a day");
    }
    duration = std::chrono::milliseconds(value.get<std::int64_t>());
    return std::nullopt;
}

Problem read_headers(const std::string& key, const Json& value, Fault& fault) {
    if (!value.is_object()) return wrong(key, "an object");
    for (const auto& [name, text] : value.items()) {
        if (!text.is_string() || has_line_break(name) ||
            has_line_break(text.get_ref<const std::string&>())) {
            return wrong(key, "an object of one-line strings");
        }
        fault.headers.emplace_back(name, text.get<std::string>());
    }
    return std::nullopt;
}

Problem read_retry_after(const std::string& key, const Json& value, Fault& fault) {
    const bool is_line = value.is_string() && !has_line_break(value.get_ref<const std::string&>());
    if (!is_line && !value.is_number_integer()) return wrong(key, "a one-line string or a number");
    fault.headers.emplace_back("Retry-After", is_line ? value.get<std::string>() : dump(value));
    return std::nullopt;
}

Problem read_indices(const std::string& key, const Json& value, Fault& fault) {
    if (!value.is_array()) return wrong(key, "a list of indices");
    for (const Json& index : value) {
        if (!index.is_number_unsigned()) return wrong(key, "a list of indices");
        fault.batch_errors.push_back(index.get<std::size_t>());
    }
    return std::nullopt;
}

Problem read_status(const std::string& key, const Json& value, Fault& fault) {
    if (!value.is_number_integer() || value < 200 || value > 599) return wrong(key, "200 to 599");
    fault.status = value.get<unsigned>();
    return std::nullopt;
}

Problem read_redirect(const std::string& key, const Json& value, Fault& fault) {
    if (!value.is_string() || value == "" || has_line_break(value.get_ref<const std::string&>())) {
        return wrong(key, "a URL");
    }
    fault.redirect = value.get<std::string>();
    return std::nullopt;
}

Problem read_action(const std::string& key, const Json& value, Fault& fault) {
    if (key == "status") return read_status(key, value, fault);
    if (key == "retry_after") return read_retry_after(key, value, fault);
    if (key == "headers") return read_headers(key, value, fault);
    if (key == "redirect") return read_redirect(key, value, fault);
    if (key == "hang") return read_flag(key, value, fault.hang);
    if (key == "truncate") return read_flag(key, value, fault.truncate);
    if (key == "garbage") return read_flag(key, value, fault.garbage);
    if (key == "reset") return read_cut(key, value, fault.reset);
    if (key == "close") return read_cut(key, value, fault.close);
    if (key == "delay_ms") return read_milliseconds(key, value, fault.delay);
    if (key == "drip_ms") return read_milliseconds(key, value, fault.drip);
    if (key == "batch_errors") return read_indices(key, value, fault);
    if (key != "body") return fmt::format("unknown key `{}` in `do`", key);
    fault.body = value.is_string() ? value.get<std::string>() : dump(value);
    return std::nullopt;
}

Problem read_fault(const Json& source, Fault& fault) {
    if (!source.is_object() || source.empty()) return wrong("do", "an object that says what to do");
    for (const auto& [key, value] : source.items()) {
        if (Problem problem = read_action(key, value, fault)) return problem;
    }
    const bool has_answer = fault.status || !fault.redirect.empty();
    if ((source.contains("body") || !fault.headers.empty()) && !has_answer) {
        return "`body`, `headers` and `retry_after` need `status`";
    }
    fault.source = source;
    return std::nullopt;
}

}  // namespace

Answer Fault::answer(const Request& request) const {
    const unsigned code = status.value_or(307);
    Answer answer = code < 400 ? Answer{code, "{}\n", {}} : error_answer(code, "injected fault");
    if (!body.empty()) answer.body = body;
    answer.headers = headers;
    if (!redirect.empty()) {
        const std::size_t scheme = redirect.find("://");
        const bool is_origin =
            scheme != std::string::npos && redirect.find('/', scheme + 3) == std::string::npos;
        answer.headers.emplace_back("Location", is_origin ? redirect + request.target : redirect);
    }
    return answer;
}

std::optional<std::string> Faults::parse(const Json& source, Rule& rule) {
    if (!source.is_object() || !source.contains("do")) return "must be an object with `do`";
    for (const auto& [key, value] : source.items()) {
        if (key == "do") {
            if (Problem problem = read_fault(value, rule.fault)) return problem;
        } else if (key == "times") {
            if (!value.is_number_unsigned()) return wrong(key, "a count");
            rule.left = value.get<std::uint64_t>();
        } else if (key == "probability") {
            if (!value.is_number() || value < 0 || value > 1) return wrong(key, "from 0 to 1");
            rule.probability = value.get<double>();
        } else if (key != "match") {
            return fmt::format("unknown key `{}`", key);
        }
    }
    const Json match = source.value("match", Json::object());
    if (!match.is_object()) return wrong("match", "an object");
    for (const auto& [key, value] : match.items()) {
        const bool known =
            key == "path" || key == "method" || key == "operation" || key == "person";
        if (!known) return fmt::format("unknown key `{}` in `match`", key);
        if (!value.is_string()) return wrong(key, "a string");
        rule.match[key] = key == "person" ? Identity::from_path(value.get<std::string>()).text()
                                          : value.get<std::string>();
    }
    rule.source = source;
    return std::nullopt;
}

std::optional<std::string> Faults::replace(const Json& rules) {
    if (!rules.is_array()) return "the rules must be a list";
    std::vector<Rule> parsed;
    for (const Json& source : rules) {
        Rule& rule = parsed.emplace_back();
        if (const Problem problem = parse(source, rule)) {
            return fmt::format("rule {}: {}", parsed.size(), *problem);
        }
    }
    rules_ = std::move(parsed);
    return std::nullopt;
}

bool Faults::matches(const Rule& rule, const Request& request, const Decision& decision) {
    for (const auto& entry : rule.match) {
        const std::string& key = entry.first;
        const std::string& wanted = entry.second;  // clang 14 captures no structured binding
        const auto& calls = decision.calls;
        const auto any = [&](auto predicate) {
            return std::any_of(calls.begin(), calls.end(), predicate);
        };
        bool fits = true;
        if (key == "path") fits = matches_glob(wanted, request.path());
        if (key == "method") fits = wanted == request.method;
        if (key == "operation") {
            fits = wanted == decision.operation ||
                   any([&](const Call& call) { return call.operation == wanted; });
        }
        if (key == "person") fits = any([&](const Call& c) { return c.person.text() == wanted; });
        if (!fits) return false;
    }
    return true;
}

std::optional<Fault> Faults::pick(const Request& request, const Decision& decision) {
    for (Rule& rule : rules_) {
        if (rule.left == 0U || !matches(rule, request, decision)) continue;
        const double chance = static_cast<double>(random_() >> 11) * 0x1p-53;
        if (chance >= rule.probability) continue;
        if (rule.left) --*rule.left;
        ++rule.hits;
        return rule.fault;
    }
    return std::nullopt;
}

Json Faults::to_json() const {
    Json rules = Json::array();
    for (const Rule& rule : rules_) {
        Json one = rule.source;
        one["left"] = rule.left ? Json(*rule.left) : Json();
        one["hits"] = rule.hits;
        rules.push_back(std::move(one));
    }
    return rules;
}

}  // namespace holdfast::customerio_sim
