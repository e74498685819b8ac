// The vendor's limits, in bytes unless the name says otherwise, and the texts it refuses with.
// Source: Customer.io's OpenAPI files for the Track and App APIs ("info", and of each call) and its
// page on invalid API requests.
#pragma once

#include <cstddef>
#include <string_view>

namespace holdfast::customerio {

inline constexpr std::size_t kIdentifierBytesMax = 150;
inline constexpr std::size_t kAttributeNameBytesMax = 150;
inline constexpr std::size_t kAttributeValueBytesMax = 1000;
inline constexpr std::size_t kAttributeCountMax = 300;
inline constexpr std::size_t kEventNameBytesMax = 100;
inline constexpr std::size_t kEventDataBytesMax = 100'000;
inline constexpr std::size_t kSegmentIdCountMax = 1000;
inline constexpr std::size_t kTriggerDataBytesMax = 50'000;
inline constexpr std::size_t kTriggerRowCountMax = 10'000;  // of ids, emails or per_user_data
inline constexpr std::size_t kSendBytesMax = 1'000'000;     // without attachments
inline constexpr std::size_t kSendAttachmentBytesMax = 2'000'000;  // together, decoded
inline constexpr std::size_t kSendRecipientCountMax = 15;          // over to, cc and bcc
inline constexpr std::size_t kV2OperationBytesMax = 32'000;        // "32kb": the smaller kilobyte
inline constexpr std::size_t kV2BatchBytesMax = 500'000;
inline constexpr std::size_t kV2BatchCountMax = 10'000;  // ours: so many valid ones do not fit

// Ours: of what a path names besides a person, as the token of a device. As long as a value.
inline constexpr std::size_t kItemBytesMax = 1000;

// No request of the API is larger but a trigger with very many rows (25 MB there): a send with its
// attachments in base64, and room for the rest.
inline constexpr std::size_t kRequestBytesMax = 4'000'000;

namespace text {
inline constexpr std::string_view kIdEmpty = "id attribute cannot be an empty string";
inline constexpr std::string_view kIdNotString = "id attribute must be a string value";
inline constexpr std::string_view kIdTooLong =
    "identifier cannot be longer than 150 bytes";  // ours
inline constexpr std::string_view kItemTooLong =
    "what a path names cannot be longer than 1000 bytes";  // ours
inline constexpr std::string_view kTooManyAttributes =
    "cannot identify more than 300 attributes in one request";
inline constexpr std::string_view kAttributeNameTooLong =
    "attribute name cannot be longer than 150 bytes";
inline constexpr std::string_view kEventNameBlank = "event name must not be blank";
inline constexpr std::string_view kEventNameTooLong = "event name cannot be longer than 100 bytes";
inline constexpr std::string_view kEventDataNotHash = "event data must be a hash";
inline constexpr std::string_view kEventDataTooLong =
    "event data cannot be longer than 100000 bytes";
inline constexpr std::string_view kRequestTooLarge =
    "request body cannot be larger than 4 MB";  // ours
}  // namespace text

}  // namespace holdfast::customerio
