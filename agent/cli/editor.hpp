// A text that the user edits: a file of its own, which only they can read.
#pragma once

#include "proto/result.hpp"

#include <string>
#include <utility>

namespace holdfast::cli {

class EditedFile {
public:
    // In $TMPDIR, else /tmp. Errors: storage_failed.
    [[nodiscard]] static Result<EditedFile> make(const std::string& text);

    // Runs $VISUAL, else $EDITOR, else vi, and waits for it. What the file holds then; of an end of
    // line that an editor adds it has none. Errors: bad_input (the editor failed).
    [[nodiscard]] Result<std::string> edit() const;

    void remove() const;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    EditedFile(std::string path, bool ends_line) : path_(std::move(path)), ends_line_(ends_line) {}

    std::string path_;
    bool ends_line_;  // as it was made
};

}  // namespace holdfast::cli
