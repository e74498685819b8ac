#include "wal/schema_file.hpp"

#include "wal/crc32c.hpp"
#include "wal/keys.hpp"

#include <sstream>

namespace holdfast::wal {
namespace {

std::string text_of(int schema) {
    const std::string number = std::to_string(schema);
    std::ostringstream text;
    text << number << ' ' << std::hex << rocksdb::crc32c::Extend(0, number.data(), number.size())
         << '\n';
    return text.str();
}

}  // namespace

Error newer_schema(std::string_view schema) {
    return {Errc::too_new,
            "the log has schema " + std::string(schema) + ", this version knows up to " +
                std::string(kSchema) + ": install the newer version again"};
}

SchemaFile::SchemaFile(const std::string& directory, rocksdb::Env* env)
    : files_(env), path_(join(directory, "schema")) {}

Result<std::optional<int>> SchemaFile::read() const {
    if (!files_.exists(path_)) return std::optional<int>();
    const Result<std::string> text = files_.read(path_);
    if (!text) return text.error();
    int schema = 0;
    std::istringstream(*text) >> schema;
    if (*text != text_of(schema)) return std::optional<int>();
    return std::optional(schema);
}

Result<void> SchemaFile::check() const {
    const Result<std::optional<int>> schema = read();
    if (!schema) return schema.error();
    if (*schema && **schema > kSchemaNumber) return newer_schema(std::to_string(**schema));
    return {};
}

Result<void> SchemaFile::write(int schema) const {
    const Result<std::optional<int>> before = read();
    if (before && *before == schema) return {};
    return files_.write(path_, text_of(schema));
}

}  // namespace holdfast::wal
