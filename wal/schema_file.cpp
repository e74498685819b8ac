#include "wal/schema_file.hpp"

#include "wal/keys.hpp"
#include "wal/sealed_line.hpp"

#include <charconv>

namespace holdfast::wal {

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
    const std::optional<std::string_view> line = unsealed(*text);
    int schema = 0;
    if (line) std::from_chars(line->data(), line->data() + line->size(), schema);
    return schema > 0 ? std::optional(schema) : std::nullopt;
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
    return files_.write(path_, sealed(std::to_string(schema)));
}

}  // namespace holdfast::wal
