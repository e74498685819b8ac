// The smallest configuration there is, for tests to add to.
#pragma once

#include "agent/config.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::agent {

class ConfigUnderTest : public testing::Test {
protected:
    // The smallest destination, on lines 1 to 5, with `more` from line 6 on.
    [[nodiscard]] std::string with(const std::string& more) const {
        return "[[destination]]\nname = \"a\"\ntype = \"customerio\"\nsite_id = \"site\"\n"
               "api_key_file = \"" +
               key_ + "\"\n" + more;
    }

    [[nodiscard]] std::string errors_of(const std::string& text,
                                        const std::string& credentials = {}) const {
        const Result<Config> config = parse_config(text, "f.toml", credentials);
        if (config) return "";
        EXPECT_EQ(config.error().code, Errc::bad_config);
        return config.error().detail;
    }

    TempDir dir_;
    std::string key_ = dir_.write("key", "k-123\n");
};

}  // namespace holdfast::agent
