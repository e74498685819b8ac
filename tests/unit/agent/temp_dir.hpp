// A directory of one test, gone with it. Under /tmp, so that socket paths in it stay short.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace holdfast {

class TempDir {
public:
    TempDir() {
        char name[] = "/tmp/holdfast-test-XXXXXX";
        EXPECT_NE(::mkdtemp(name), nullptr);
        path_ = name;
    }

    ~TempDir() {
        std::error_code ignored;  // a left-over in /tmp is no reason to fail
        std::filesystem::remove_all(path_, ignored);
    }

    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    [[nodiscard]] std::string path(std::string_view name) const {
        return path_ + "/" + std::string(name);
    }

    // Writes a file and returns its path.
    std::string write(std::string_view name, std::string_view text, mode_t mode = 0600) const {
        const std::string file = path(name);
        std::ofstream(file, std::ios::binary) << text;
        EXPECT_EQ(::chmod(file.c_str(), mode), 0);
        return file;
    }

private:
    std::string path_;
};

}  // namespace holdfast
