#include "agent/cli/table.hpp"

#include "agent/cli/text.hpp"
#include "proto/assert.hpp"

#include <algorithm>

namespace holdfast::cli {

void Table::add(std::vector<std::string> cells) {
    HOLDFAST_ASSERT(cells.size() == columns_.size());
    for (std::string& cell : cells) cell = printable(cell);
    rows_.push_back(std::move(cells));
}

std::string Table::text() const {
    std::vector<std::string> headings;
    for (const Column& column : columns_) headings.push_back(column.heading);
    const auto is_empty = [](const std::string& heading) { return heading.empty(); };
    const bool headed = !std::all_of(headings.begin(), headings.end(), is_empty);

    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
        widths.push_back(width(headings[i]));
        for (const auto& row : rows_) widths[i] = std::max(widths[i], width(row[i]));
    }
    std::string text;
    const auto write = [&](const std::vector<std::string>& row) {
        std::string line;
        for (std::size_t i = 0; i < row.size(); ++i) {
            const std::string gap(widths[i] - width(row[i]), ' ');
            if (i > 0) line += "  ";
            line += columns_[i].align == Align::right ? gap + row[i] : row[i] + gap;
        }
        line.erase(line.find_last_not_of(' ') + 1);
        text += line + "\n";
    };
    if (headed) write(headings);
    for (const auto& row : rows_) write(row);
    return text;
}

}  // namespace holdfast::cli
