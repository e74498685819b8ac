#include "wal/keys.hpp"

#include "proto/bytes.hpp"

namespace holdfast::wal {

std::string seq_key(Space space, Seq seq) {
    std::string key(1, static_cast<char>(space));
    put_be64(key, seq.value);
    return key;
}

std::string name_key(Space space, std::string_view name) {
    return std::string(1, static_cast<char>(space)).append(name);
}

std::string end_of(Space space) {
    return std::string(1, static_cast<char>(static_cast<char>(space) + 1));
}

std::optional<Seq> seq_of(Space space, std::string_view key) {
    if (key.size() != 9 || key[0] != static_cast<char>(space)) return std::nullopt;
    return Seq{ByteReader(key.substr(1)).be64()};
}

std::optional<std::string_view> name_of(Space space, std::string_view key) {
    if (key.empty() || key[0] != static_cast<char>(space)) return std::nullopt;
    return key.substr(1);
}

}  // namespace holdfast::wal
