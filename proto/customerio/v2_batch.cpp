#include "proto/customerio/v2_batch.hpp"

#include "proto/customerio/json.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <new>
#include <optional>

namespace holdfast::customerio {
namespace {

constexpr std::string_view kBegin = R"({"batch":[)";
constexpr std::string_view kEnd = "]}";

// 2.0 is a number as 2 is.
std::optional<std::size_t> index_in(simdjson::dom::object error, std::size_t count) {
    simdjson::dom::element value;
    double index = 0;
    if (error.at_key("batch_index").get(value) != simdjson::SUCCESS || !value.is_number() ||
        value.get(index) != simdjson::SUCCESS) {
        return std::nullopt;
    }
    if (!(index >= 0) || index >= static_cast<double>(count)) return std::nullopt;
    const auto whole = static_cast<std::size_t>(index);
    if (static_cast<double>(whole) < index) return std::nullopt;
    return whole;
}

}  // namespace

bool Packer::add(std::string_view operation) {
    const std::size_t comma = count_ == 0 ? 0 : 1;
    if (operation.size() > kV2OperationBytesMax ||
        body_.size() + comma + operation.size() > kV2BatchBytesMax) {
        return false;
    }
    body_.resize(body_.size() - kEnd.size());
    body_.append(comma, ',').append(operation).append(kEnd);
    ++count_;
    return true;
}

void Packer::clear() {
    body_ = kBegin;
    body_.append(kEnd);
    count_ = 0;
}

Result<BatchErrors> parse_batch_errors(std::string_view body, std::size_t count) {
    simdjson::dom::parser parser;
    simdjson::dom::element root;
    const auto error = parser.parse(body.data(), body.size()).get(root);
    if (error == simdjson::MEMALLOC) throw std::bad_alloc();
    simdjson::dom::array entries;
    if (error != simdjson::SUCCESS || root["errors"].get(entries) != simdjson::SUCCESS) {
        return Error{Errc::bad_input, "the answer to a batch has no list of errors"};
    }
    BatchErrors found;
    for (const simdjson::dom::element entry : entries) {
        simdjson::dom::object one;
        const auto index =
            entry.get(one) == simdjson::SUCCESS ? index_in(one, count) : std::nullopt;
        if (!index) {
            ++found.ignored;
            continue;
        }
        const auto text = [&](std::string_view name) { return std::string(string_in(one, name)); };
        found.errors.push_back({*index, text("reason"), text("field"), text("message")});
    }
    const auto by_index = [](const BatchError& a, const BatchError& b) {
        return a.index < b.index;
    };
    const auto same = [](const BatchError& a, const BatchError& b) { return a.index == b.index; };
    std::stable_sort(found.errors.begin(), found.errors.end(), by_index);
    found.errors.erase(std::unique(found.errors.begin(), found.errors.end(), same),
                       found.errors.end());
    return found;
}

std::string batch_errors_body(std::span<const BatchError> errors, std::string_view message) {
    using Json = nlohmann::ordered_json;
    Json out;
    out["errors"] = Json::array();
    for (const BatchError& error : errors) {
        out["errors"].push_back({{"batch_index", error.index},
                                 {"reason", error.reason},
                                 {"field", error.field},
                                 {"message", error.message}});
    }
    if (!message.empty()) {
        out["meta"]["error"] = message;
        out["code"] = "invalid_batch";
        out["message"] = message;
    }
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace holdfast::customerio
