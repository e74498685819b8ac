#include "agent/delivery/traits.hpp"

#include "agent/delivery/shared_request.hpp"

#include <algorithm>

namespace holdfast::agent {
namespace {

bool is_always_essential(Operation operation) {
    const OperationInfo& what = info(operation);
    return what.erases || what.kind == Kind::sends || what.kind == Kind::broadcasts;
}

bool has(const std::vector<std::string>& names, std::string_view name) {
    return !name.empty() && std::ranges::find(names, name) != names.end();
}

}  // namespace

Traits traits_of(const Event& event, const PolicyConfig& policy) {
    const bool is_event =
        info(event.operation).kind == Kind::events || info(event.operation).kind == Kind::requests;
    Traits traits;
    traits.is_essential = is_always_essential(event.operation) ||
                          (is_event && has(policy.essential_events, event.name));
    traits.is_sheddable = is_event && has(policy.shed_events, event.name);
    if (policy.shares_requests) {
        traits.size = static_cast<std::uint32_t>(shared_size(event, policy.identifiers));
    }
    return traits;
}

}  // namespace holdfast::agent
