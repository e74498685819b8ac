// The checks over the whole tree.
#include "tests/tidy/checks.hpp"
#include "tests/tidy/packages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

namespace holdfast::tidy {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;

const fs::path kTop = HOLDFAST_SOURCE_DIR;

std::string text_of(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

// What lies in the tree but is not of it.
bool is_foreign(const fs::path& name) {
    static const std::set<fs::path> names = {".git", "build", "node_modules"};
    return names.contains(name);
}

std::vector<Source> read_tree() {
    std::vector<Source> sources;
    for (auto entry = fs::recursive_directory_iterator(kTop); entry != fs::end(entry); ++entry) {
        if (is_foreign(entry->path().filename())) {
            entry.disable_recursion_pending();
        } else if (entry->is_regular_file()) {
            sources.push_back({.path = fs::relative(entry->path(), kTop).string(),
                               .text = text_of(entry->path())});
        }
    }
    return sources;
}

const std::vector<Source>& tree() {
    static const std::vector<Source> sources = read_tree();
    return sources;
}

Findings in_tree(Findings (*check)(const Source&)) {
    Findings all;
    for (const Source& source : tree()) {
        if (source.path.starts_with("tests/tidy/")) continue;  // shows what is wrong
        for (std::string& one : check(source)) all.push_back(std::move(one));
    }
    return all;
}

TEST(Tree, IsFound) {
    EXPECT_THAT(tree(), testing::Contains(testing::Field(&Source::path, "proto/result.hpp")));
}

TEST(Tree, IncludesRunOneWay) {
    EXPECT_THAT(in_tree(check_layers), IsEmpty());
}

TEST(Tree, LibrariesComeInByTheirDoors) {
    EXPECT_THAT(in_tree(check_library_doors), IsEmpty());
}

TEST(Tree, HeadersAreReadOnce) {
    EXPECT_THAT(in_tree(check_pragma_once), IsEmpty());
}

TEST(Tree, NothingIsMadeInsideAnAwait) {
    EXPECT_THAT(in_tree(check_awaits), IsEmpty());
}

TEST(Tree, NothingIsLeftOver) {
    EXPECT_THAT(in_tree(check_left_overs), IsEmpty());
}

TEST(Tree, ThePackageIsBuiltWithTheDependenciesOfTheTree) {
    Packages expected = section_of(text_of(kTop / "packaging/dependencies"), "build");
    ASSERT_FALSE(expected.empty());
    expected.erase("g++");  // build-essential, which every package may take for granted
    expected.insert({"debhelper-compat", "dh-sequence-installsysusers"});
    EXPECT_EQ(field_of(text_of(kTop / "packaging/debian/control"), "Build-Depends"), expected);
}

TEST(Tree, ThePackageRunsWithTheDependenciesOfTheTree) {
    EXPECT_EQ(field_of(text_of(kTop / "packaging/debian/control"), "Depends"),
              section_of(text_of(kTop / "packaging/dependencies"), "run"));
}

}  // namespace
}  // namespace holdfast::tidy
