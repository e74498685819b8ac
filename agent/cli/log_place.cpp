#include "agent/cli/log_place.hpp"

#include <toml++/toml.h>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace holdfast::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDefaultDirectory = "/var/lib/holdfast";

Result<LogPlace> read_config(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in) return Error{Errc::bad_config, "cannot read " + file};
    try {  // the library has no other way to say it
        const toml::table table = toml::parse(text.str(), file);
        return LogPlace{table["wal"]["directory"].value_or<std::string>(kDefaultDirectory),
                        table["admin"]["socket"].value_or<std::string>(kAdminSocket)};
    } catch (const toml::parse_error& error) {
        return Error{Errc::bad_config,
                     file + ":" + std::to_string(error.source().begin.line) +
                         ": not TOML: " + std::string(error.description())};
    }
}

}  // namespace

Result<LogPlace> find_log(const LogArguments& arguments) {
    std::error_code ec;
    LogPlace place{"", kAdminSocket};
    if (!arguments.directory.empty()) {
        place.directory = fs::absolute(arguments.directory, ec).lexically_normal();
    } else if (!arguments.config.empty() ||
               (arguments.socket.empty() && fs::exists(kDefaultConfig, ec))) {
        Result<LogPlace> configured =
            read_config(arguments.config.empty() ? kDefaultConfig : arguments.config);
        if (!configured) return configured;
        place = std::move(*configured);
    } else if (arguments.socket.empty()) {
        place.directory = kDefaultDirectory;
    }
    if (place.directory.size() > 1 && place.directory.ends_with('/')) place.directory.pop_back();
    if (!arguments.socket.empty()) place.socket = arguments.socket;
    return place;
}

}  // namespace holdfast::cli
