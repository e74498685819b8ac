#include "proto/customerio/request.hpp"

#include <nlohmann/json.hpp>

namespace holdfast::customerio {

std::string Refusal::body() const {
    using Json = nlohmann::ordered_json;
    Json out;
    if (is_of_v2) {
        out["errors"] = {{{"reason", code}, {"field", field}, {"message", message}}};
    }
    out["meta"]["error"] = message;
    out["code"] = code;
    out["message"] = message;
    return out.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace holdfast::customerio
