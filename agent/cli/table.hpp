// Rows of text in aligned columns, two spaces apart. Pure.
#pragma once

#include <string>
#include <vector>

namespace holdfast::cli {

class Table {
public:
    enum class Align { left, right };

    struct Column {
        std::string heading;
        Align align = Align::left;
    };

    // Without any heading there is no heading line.
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

    // One cell a column; shown through printable().
    void add(std::vector<std::string> cells);

    // A newline after each line, no spaces at its end.
    [[nodiscard]] std::string text() const;

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
};

}  // namespace holdfast::cli
