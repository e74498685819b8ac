// The file `schema` beside the database: how the log is laid out, for a version that cannot read
// it. A newer layout may look like damage, so this is read before anything else. A sealed line,
// since a flipped bit must not keep a log shut.
//
// Thread: whoever opens the log.
#pragma once

#include "proto/result.hpp"
#include "wal/files.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::wal {

// Errors: too_new. `schema`: that of the log.
[[nodiscard]] Error newer_schema(std::string_view schema);

class SchemaFile {
public:
    SchemaFile(const std::string& directory, rocksdb::Env* env);

    // nullopt: there is none, as of an older version, or it is damaged.
    [[nodiscard]] Result<std::optional<int>> read() const;

    // Errors: too_new; and storage_failed, where it cannot be read.
    [[nodiscard]] Result<void> check() const;

    // Where it does not say so already. Synced but for its name: the next opening writes it too.
    [[nodiscard]] Result<void> write(int schema) const;

private:
    const Files files_;
    const std::string path_;
};

}  // namespace holdfast::wal
