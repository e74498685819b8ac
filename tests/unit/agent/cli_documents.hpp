// Answers of an agent, as agent/ADMIN.md describes them.
#pragma once

#include <cstdint>

namespace holdfast::cli {

// 2026-01-02T03:04:05.678Z
inline constexpr std::int64_t kNowMs = 1'767'323'045'678;

inline constexpr const char* kHealthy = R"({
  "version": "0.1.0", "pid": 812, "started_at": "2026-01-02T00:04:05.000Z",
  "log": {"state": "ok", "reason": null, "head": 120, "tail": 17, "damaged": 0,
          "directory": "/var/lib/holdfast",
          "space": {"level": "ok", "used": 34567890, "max_bytes": null, "free": 65432109876,
                    "min_free": 268435456, "ballast": 100663296,
                    "refused": {"ordinary": 0, "state": 0, "essential": 0}}},
  "ingest": {"connections": 1, "acknowledged": 119, "refused": 0, "failed": 0},
  "destinations": [{"name": "customerio", "type": "customerio", "pending": 0, "in_flight": 0,
    "retrying": 0, "failed": 0, "complete": 119, "oldest_pending_at": null, "endpoints": [
      {"name": "track", "url": "https://track.customer.io",
       "breaker": {"state": "closed", "reason": null, "next_probe_at": null},
       "gates": [], "delivered": 119, "attempts": 121, "last_error": null}]}]
})";

inline constexpr const char* kTroubled = R"({
  "version": "0.1.0", "pid": 812, "started_at": "2026-01-02T00:04:05.000Z",
  "log": {"state": "failed", "reason": "sync: No space left on device", "head": 120, "tail": 17,
          "failures": 4, "durability": "buffered", "damaged": 2, "lost": 3,
          "lost_ranges": [{"first": 101, "last": 102}, {"first": 7, "last": 7}],
          "directory": "/var/lib/holdfast",
          "space": {"level": "critical", "used": 9123456789, "max_bytes": 10000000000,
                    "free": 999, "min_free": 268435456, "ballast": 0,
                    "refused": {"ordinary": 3, "state": 1, "essential": 0}}},
  "ingest": {"connections": 3, "acknowledged": 119, "refused": 4, "failed": 7},
  "destinations": [
    {"name": "customerio", "type": "customerio", "pending": 12, "in_flight": 1, "retrying": 2,
     "failed": 1, "complete": 104, "oldest_pending_at": "2026-01-02T03:01:05.000Z", "endpoints": [
      {"name": "track", "url": "https://track.customer.io",
       "breaker": {"state": "open", "reason": "5 failures in a row",
                   "next_probe_at": "2026-01-02T03:04:18.000Z"},
       "gates": [
         {"gate": "breaker", "until": "2026-01-02T03:04:18.000Z", "reason": "5 failures in a row"},
         {"gate": "retry_after", "until": "2026-01-02T03:04:30.000Z", "reason": "429"}],
       "delivered": 104, "attempts": 130, "last_error": "503"},
      {"name": "app", "url": "https://api.customer.io",
       "breaker": {"state": "closed", "reason": null, "next_probe_at": null},
       "gates": [{"gate": "auth_hold", "until": null, "reason": "401 \u001b[31m"}],
       "delivered": 0, "attempts": 1, "last_error": "401"}]},
    {"name": "second", "type": "customerio", "pending": 0, "in_flight": 0, "retrying": 0,
     "failed": 2, "complete": 0, "oldest_pending_at": null, "endpoints": [
      {"name": "track", "url": "http://127.0.0.1:8080",
       "breaker": {"state": "half_open", "reason": null, "next_probe_at": null},
       "gates": [{"gate": "paused", "until": null, "reason": "by root"}],
       "delivered": 0, "attempts": 0, "last_error": null}]}]
})";

inline constexpr const char* kRetrying = R"({"seq": 17, "id": "01KDYGA0KE0000000000000017",
  "state": "retrying", "accepted_at": "2026-01-02T03:01:05.000Z", "destination": "customerio",
  "operation": "event", "person": "id:42", "name": "purchase", "bytes": 123, "attempts": 3,
  "next_attempt_at": "2026-01-02T03:04:18.000Z", "reason": "503 Service Unavailable",
  "status": 503, "failed_at": null})";

inline constexpr const char* kFailed = R"({"seq": 1018, "id": "01KDYGA0KE0000000000000018",
  "state": "failed", "accepted_at": "2026-01-01T03:04:05.000Z", "destination": "customerio",
  "operation": "send_email", "person": "email:j\u00fcrgen@example.com", "name": "", "bytes": 1234,
  "attempts": 1, "next_attempt_at": null, "reason": "400: bad \u001b[2Jtemplate", "status": 400,
  "failed_at": "2026-01-02T02:04:05.000Z"})";

inline constexpr const char* kDamaged = R"({"seq": 1019, "id": null, "state": "failed",
  "accepted_at": null, "destination": null, "operation": null, "person": null, "name": null,
  "bytes": null, "attempts": 0, "next_attempt_at": null, "reason": "damaged: a checksum",
  "status": null, "failed_at": "2026-01-02T02:04:05.000Z", "cause": "damaged"})";

// What GET /v1/entries/{id} adds.
inline constexpr const char* kDetails = R"({"method": "POST",
  "target": "/api/v1/customers/42/events", "safety": "dedup_by_id", "endpoint": "track",
  "peer": {"uid": 1000, "gid": 1001, "pid": 99}, "parent": "01KDYGA0KE0000000000000009",
  "answer": "{\"meta\":{}}"})";

inline constexpr const char* kDamagedDetails = R"({"method": null, "target": null, "safety": null,
  "endpoint": null, "peer": null, "parent": null, "answer": null})";

}  // namespace holdfast::cli
