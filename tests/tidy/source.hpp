// A file of the tree as the checks see it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::tidy {

struct Source {
    std::string path;  // from the top of the tree, "wal/log.hpp"
    std::string text;
};

struct Include {
    std::string name;     // between the quotes or brackets
    bool quoted = false;  // "ours" rather than <a library's>
    std::size_t line = 0;
};

[[nodiscard]] std::vector<Include> includes_of(const Source& source);

// C++ with each comment and each literal's inside made blank, so that offsets and lines stay as
// they were and only code is left.
[[nodiscard]] std::string code_of(std::string_view text);

// The line of an offset, counted from 1.
[[nodiscard]] std::size_t line_at(std::string_view text, std::size_t offset);

// "path:line: what"
[[nodiscard]] std::string finding(const std::string& path,
                                  std::size_t line,
                                  const std::string& what);

}  // namespace holdfast::tidy
