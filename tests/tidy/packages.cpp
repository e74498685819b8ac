#include "tests/tidy/packages.hpp"

#include <sstream>

namespace holdfast::tidy {
namespace {

std::string first_word(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\n");
    if (start == std::string_view::npos) return {};
    return std::string(text.substr(start, text.find_first_of(" \t\n(", start) - start));
}

}  // namespace

Packages section_of(std::string_view dependencies, std::string_view section) {
    const std::string wanted = "[" + std::string(section) + "]";
    Packages packages;
    bool inside = false;
    std::istringstream lines{std::string(dependencies)};
    for (std::string line; std::getline(lines, line);) {
        const std::string word = first_word(line);
        if (word.empty() || word.starts_with('#')) continue;
        if (word.starts_with('[')) {
            inside = word == wanted;
        } else if (inside) {
            packages.insert(word);
        }
    }
    return packages;
}

Packages field_of(std::string_view control, std::string_view field) {
    const std::string name = std::string(field) + ":";
    std::string value;
    bool inside = false;
    std::istringstream lines{std::string(control)};
    for (std::string line; std::getline(lines, line);) {
        if (inside && !line.starts_with(' ')) break;
        if (line.starts_with(name)) {
            inside = true;
            line.erase(0, name.size());
        }
        if (inside) value += line + "\n";
    }

    Packages packages;
    std::istringstream items(value);
    for (std::string item; std::getline(items, item, ',');) {
        const std::string word = first_word(item);
        if (!word.empty() && !word.starts_with("${")) packages.insert(word);
    }
    return packages;
}

}  // namespace holdfast::tidy
