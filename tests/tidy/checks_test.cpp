// Each check finds what it is for, and only that.
#include "tests/tidy/checks.hpp"

#include "tests/tidy/packages.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::tidy {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

TEST(Layers, WalKnowsNeitherTransportNorAgent) {
    const Source source{"wal/log.cpp",
                        "#include \"wal/log.hpp\"\n#include \"transport/tls.hpp\"\n"};
    EXPECT_THAT(check_layers(source),
                ElementsAre("wal/log.cpp:2: wal/ may not include transport/tls.hpp"));
}

TEST(Layers, ProtoKnowsNobody) {
    EXPECT_THAT(check_layers({"proto/ulid.cpp", "#include \"wal/log.hpp\"\n"}),
                ElementsAre("proto/ulid.cpp:1: proto/ may not include wal/log.hpp"));
}

TEST(Layers, PolicyDoesNotKnowThePartThatWaits) {
    const Source source{"transport/policy/outcome.hpp",
                        "#include \"transport/attempt.hpp\"\n#include \"transport/client.hpp\"\n"};
    EXPECT_THAT(check_layers(source),
                ElementsAre("transport/policy/outcome.hpp:2: transport/policy/ may not include "
                            "transport/client.hpp"));
}

TEST(Layers, TheSimulatorSharesOnlyTheLimits) {
    const Source source{"tests/customerio-sim/checks.cpp",
                        "#include \"proto/customerio/limits.hpp\"\n#include \"proto/ulid.hpp\"\n"};
    EXPECT_THAT(
        check_layers(source),
        ElementsAre("tests/customerio-sim/checks.cpp:2: tests/customerio-sim/ may not include "
                    "proto/ulid.hpp"));
}

TEST(Layers, TheClientLibraryDoesNotKnowTheAgent) {
    const Source source{"agent/client/client.cpp",
                        "#include \"proto/frame.hpp\"\n#include \"agent/clock.hpp\"\n"};
    EXPECT_THAT(check_layers(source),
                ElementsAre("agent/client/client.cpp:2: agent/client/ may not include "
                            "agent/clock.hpp"));
}

TEST(Layers, AgentJoinsThemAll) {
    const Source source{
        "agent/replay.cpp",
        "#include \"proto/a.hpp\"\n#include \"wal/b.hpp\"\n#include \"transport/c.hpp\"\n"};
    EXPECT_THAT(check_layers(source), IsEmpty());
}

struct Door {
    const char* path;
    const char* header;
    bool open;
};

class Doors : public testing::TestWithParam<Door> {};

TEST_P(Doors, LetIn) {
    const Source source{GetParam().path, std::string("#include <") + GetParam().header + ">\n"};
    EXPECT_EQ(check_library_doors(source).empty(), GetParam().open)
        << GetParam().path << " " << GetParam().header;
}

INSTANTIATE_TEST_SUITE_P(Table,
                         Doors,
                         testing::Values(Door{"wal/store.cpp", "rocksdb/db.h", true},
                                         Door{"agent/main.cpp", "rocksdb/db.h", false},
                                         Door{"transport/tls.cpp", "openssl/ssl.h", true},
                                         Door{"transport/policy/gate.cpp", "openssl/ssl.h", false},
                                         Door{"transport/policy/gate.cpp", "boost/asio.hpp", false},
                                         Door{"proto/record.cpp", "boost/asio/buffer.hpp", false},
                                         Door{"wal/store.cpp", "boost/beast/core.hpp", false},
                                         Door{"agent/session.cpp", "boost/beast/core.hpp", true},
                                         Door{"transport/origin.cpp", "boost/url/parse.hpp", true},
                                         Door{"transport/client.cpp", "boost/url/parse.hpp", false},
                                         Door{"proto/json.cpp", "simdjson.h", true},
                                         Door{"agent/admin.cpp", "simdjson.h", false},
                                         Door{"agent/admin.cpp", "nlohmann/json.hpp", true},
                                         Door{"wal/state.cpp", "nlohmann/json.hpp", false},
                                         Door{"agent/config.cpp", "toml++/toml.h", true},
                                         Door{"proto/event.cpp", "toml++/toml.h", false},
                                         Door{"transport/tls.cpp", "CLI/CLI.hpp", false},
                                         Door{"wal/store.cpp", "systemd/sd-daemon.h", false},
                                         Door{"tests/unit/wal/a_test.cpp", "rocksdb/db.h", true}));

TEST(PragmaOnce, IsMissed) {
    EXPECT_THAT(check_pragma_once({"wal/log.hpp", "// #pragma once\nint a;\n"}),
                ElementsAre("wal/log.hpp:1: a header without #pragma once"));
    EXPECT_THAT(check_pragma_once({"wal/log.hpp", "// Log.\n#pragma once\nint a;\n"}), IsEmpty());
    EXPECT_THAT(check_pragma_once({"wal/log.cpp", "int a;\n"}), IsEmpty());
}

TEST(Awaits, FindALambda) {
    EXPECT_THAT(check_awaits(
                    {"agent/a.cpp", "void f() {\n    co_await run(\n        [x] { g(x); });\n}\n"}),
                ElementsAre("agent/a.cpp:2: a lambda inside a co_await: name it first"));
}

TEST(Awaits, FindABracedTemporary) {
    EXPECT_THAT(check_awaits({"agent/a.cpp", "auto r = co_await send(Request{1, 2});\n"}),
                ElementsAre("agent/a.cpp:1: a braced temporary inside a co_await: name it first"));
    EXPECT_THAT(check_awaits({"agent/a.cpp", "wait(1'000); co_await send({}); wait(2'000);\n"}),
                ElementsAre("agent/a.cpp:1: a braced temporary inside a co_await: name it first"));
    EXPECT_THAT(check_awaits({"agent/a.cpp", "if (!co_await send({})) return;\n"}),
                ElementsAre("agent/a.cpp:1: a braced temporary inside a co_await: name it first"));
}

TEST(Awaits, LetTheRestPass) {
    for (const char* text : {
             "auto [error, size] = co_await socket.async_read_some(buffers[0], use);\n",
             "if (!co_await stopped()) {\n    go();\n}\n",
             "while ((co_await next(i)) == 1) { f(); }\n",
             "const Point p{co_await x(), Size{2}};\n",
             "// co_await f([x] {});\nf([x] {});\n",
             "/* co_await f({}) */ f({});\n",
             "co_await log(\"{}\", 'c', 1'000);\n",
             "co_await log(R\"(x{)\");\n",
         }) {
        EXPECT_THAT(check_awaits({"agent/a.cpp", text}), IsEmpty()) << text;
    }
}

TEST(LeftOvers, AreFound) {
    EXPECT_THAT(check_left_overs({"README.md", "one\n// TODO(now): two\n"}),
                ElementsAre("README.md:2: a left-over: TODO(now)"));
    EXPECT_THAT(check_left_overs({"agent/a.cpp", "int a;\n\"/home/somebody/x\"\n"}),
                ElementsAre("agent/a.cpp:2: a left-over: \"/home/somebody"));
    EXPECT_THAT(check_left_overs({"tests/run",
                                  "cd x\n/wor"
                                  "k/main\n"}),
                ElementsAre(testing::StartsWith("tests/run:2: a left-over: ")));
}

TEST(LeftOvers, AreNotThePartsOfOtherPaths) {
    EXPECT_THAT(check_left_overs({"a",
                                  "build/wor"
                                  "k/x ${DIR}/home/x ProtectHome=yes # TODO(later)\n"}),
                IsEmpty());
}

TEST(DependencyList, HasSections) {
    constexpr const char* kList = "# a\n[build]\n# b\ng++\ncmake\n\n[test]\nnodejs node\n";
    EXPECT_EQ(section_of(kList, "build"), (Packages{"cmake", "g++"}));
    EXPECT_EQ(section_of(kList, "test"), (Packages{"nodejs"}));
    EXPECT_EQ(section_of(kList, "run"), (Packages{}));
}

TEST(ControlFile, HasFields) {
    constexpr const char* kControl =
        "Source: x\nBuild-Depends:\n a (= 13),\n b,\n\nPackage: x\nDepends: c, "
        "${misc:Depends}\nDescription: d\n";
    EXPECT_EQ(field_of(kControl, "Build-Depends"), (Packages{"a", "b"}));
    EXPECT_EQ(field_of(kControl, "Depends"), (Packages{"c"}));
}

}  // namespace
}  // namespace holdfast::tidy
