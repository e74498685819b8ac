#include "transport/policy/degradation.hpp"

namespace holdfast::transport {

Degradation degrade(const DegradationPolicy& policy,
                    Level chosen,
                    bool is_disk_tight,
                    std::optional<Duration> oldest,
                    const Degradation& was) {
    if (chosen != Level::full) return {chosen, false, "an operator chose it"};
    if (policy.by_disk && is_disk_tight) {
        return {Level::full, true, "the log has little room left: essential ones go first"};
    }
    if (!policy.by_age || !oldest) return {};
    const Duration limit = was.essential_first ? *policy.by_age / 2 : *policy.by_age;
    if (*oldest < limit) return {};
    return {Level::full, true, "entries have waited for long: essential ones go first"};
}

}  // namespace holdfast::transport
