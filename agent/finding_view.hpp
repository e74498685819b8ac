// A finding of a check as JSON (ADMIN.md), the same from a running agent and from `holdfast`.
#pragma once

#include "wal/finding.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace holdfast::agent {

inline constexpr std::size_t kSeqRangesMax = 1000;  // that are listed

inline nlohmann::ordered_json finding_view(const wal::Finding& finding) {
    const wal::KindInfo& kind = wal::info(finding.kind);
    nlohmann::ordered_json seqs = nlohmann::ordered_json::array();
    for (std::size_t i = 0; i < std::min(finding.seqs.size(), kSeqRangesMax); ++i) {
        seqs.push_back(
            {{"first", finding.seqs[i].first.value}, {"last", finding.seqs[i].last.value}});
    }
    nlohmann::ordered_json subject;
    if (!finding.subject.empty()) subject = finding.subject;
    return {{"code", kind.code},
            {"severity", finding.is_damage() ? "damage" : "notice"},
            {"subject", std::move(subject)},
            {"count", wal::count_of(finding.seqs)},
            {"seqs", std::move(seqs)},
            {"what", finding.what},
            {"meaning", kind.meaning},
            {"advice", kind.advice}};
}

}  // namespace holdfast::agent
