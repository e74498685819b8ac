#include "transport/tls.hpp"

#include "tests/unit/transport/io/world.hpp"
#include "transport/connection.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;

enum class Signer { our_authority, another_authority, itself };

struct Case {
    std::string name;
    std::string host;
    Subject subject;
    Signer signer = Signer::our_authority;
    int tls_max = TLS1_3_VERSION;
    std::string refused_because{};  // empty: accepted
};

void PrintTo(const Case& c, std::ostream* out) {
    *out << c.name;
}

std::string name_of(const ::testing::TestParamInfo<Case>& info) {
    return info.param.name;
}

class TlsWorld : public ::testing::TestWithParam<Case>, public World {
protected:
    std::unique_ptr<asio::ssl::context> far_context() {
        const Case& c = GetParam();
        const Identity another = make_identity({.common_name = "Another CA", .is_authority = true});
        const Identity* issuer = c.signer == Signer::itself          ? nullptr
                                 : c.signer == Signer::our_authority ? &authority
                                                                     : &another;
        auto context = server_context(make_identity(c.subject, issuer));
        SSL_CTX* native = context->native_handle();
        if (c.tls_max < TLS1_2_VERSION) {  // OpenSSL 3 and Debian both have it switched off
            SSL_CTX_set_security_level(native, 0);
            SSL_CTX_set_cipher_list(native, "ALL:@SECLEVEL=0");
            SSL_CTX_set_min_proto_version(native, TLS1_VERSION);
        }
        SSL_CTX_set_max_proto_version(native, c.tls_max);
        return context;
    }
};

FarSide::Script answering() {
    return [](Peer& peer) -> asio::awaitable<void> {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
    };
}

// The whole way, with the two hosts that need no name server.
class TlsClient : public TlsWorld {};

TEST_P(TlsClient, SendsOnlyToWhomItWasToldTo) {
    const auto context = far_context();
    FarSide far(io, context.get(), answering());
    ClientOptions options;
    options.origin = {true, GetParam().host, far.port(), ""};
    options.ca_file = ca_file;
    auto client = Client::create(io.get_executor(), options);
    ASSERT_TRUE(client) << client.error().detail;

    const AttemptResult result = send(**client, post());
    if (GetParam().refused_because.empty()) {
        EXPECT_EQ(result.phase, Phase::answered) << result.error;
        EXPECT_EQ(result.status, 200U);
        EXPECT_EQ(result.error, "");
    } else {
        EXPECT_EQ(result.phase, Phase::not_sent);
        EXPECT_THAT(result.error, HasSubstr("TLS handshake with " + GetParam().host));
        EXPECT_THAT(result.error, HasSubstr(GetParam().refused_because));
    }
}

const Subject kBoth{.alternative_names = "DNS:localhost,IP:127.0.0.1"};

INSTANTIATE_TEST_SUITE_P(
    Tls,
    TlsClient,
    ::testing::Values(Case{"right_name", "localhost", kBoth},
                      Case{"right_address", "127.0.0.1", kBoth},
                      Case{"tls_1_2", "localhost", kBoth, Signer::our_authority, TLS1_2_VERSION},
                      Case{.name = "another_name",
                           .host = "localhost",
                           .subject = {.alternative_names = "DNS:other.test"},
                           .refused_because = "hostname mismatch"},
                      Case{.name = "name_for_an_address",
                           .host = "127.0.0.1",
                           .subject = {.alternative_names = "DNS:localhost"},
                           .refused_because = "IP address mismatch"},
                      Case{.name = "address_as_a_name",
                           .host = "127.0.0.1",
                           .subject = {.alternative_names = "DNS:127.0.0.1"},
                           .refused_because = "IP address mismatch"},
                      Case{.name = "another_address",
                           .host = "127.0.0.1",
                           .subject = {.alternative_names = "IP:127.0.0.2"},
                           .refused_because = "IP address mismatch"},
                      Case{.name = "common_name_only",
                           .host = "localhost",
                           .subject = {.common_name = "localhost"},
                           .refused_because = "hostname mismatch"},
                      Case{.name = "common_name_only_for_an_address",
                           .host = "127.0.0.1",
                           .subject = {.common_name = "127.0.0.1"},
                           .refused_because = "IP address mismatch"},
                      Case{.name = "expired",
                           .host = "localhost",
                           .subject = {.alternative_names = "DNS:localhost", .valid_to_days = -1},
                           .refused_because = "certificate has expired"},
                      Case{.name = "self_signed",
                           .host = "localhost",
                           .subject = kBoth,
                           .signer = Signer::itself,
                           .refused_because = "self-signed certificate"},
                      Case{.name = "unknown_authority",
                           .host = "localhost",
                           .subject = kBoth,
                           .signer = Signer::another_authority,
                           .refused_because = "unable to get local issuer certificate"},
                      Case{.name = "tls_1_1",
                           .host = "localhost",
                           .subject = kBoth,
                           .tls_max = TLS1_1_VERSION,
                           .refused_because = "protocol version"}),
    name_of);

// Names that nobody resolves: the connection is told where to go.
class TlsName : public TlsWorld {};

TEST_P(TlsName, IsMatchedByItsAlternativeNames) {
    const auto context = far_context();
    FarSide far(io, context.get(), answering());
    auto trust = make_tls_context(ca_file);
    ASSERT_TRUE(trust) << trust.error().detail;
    const Origin origin{true, GetParam().host, 443, ""};
    const auto connection = std::make_shared<Connection>(io.get_executor(), origin, trust->get());

    Endpoints endpoints;
    endpoints.emplace_back(asio::ip::address_v4::loopback(), far.port());
    std::optional<Result<void>> opened;
    auto done = [&opened](const std::exception_ptr&, Result<void> value) { opened = value; };
    const Instant deadline = std::chrono::steady_clock::now() + 5s;
    asio::co_spawn(io, connection->open_at(endpoints, deadline), done);
    ASSERT_TRUE(run_until([&opened] { return opened.has_value(); }));

    EXPECT_EQ(opened->has_value(), GetParam().refused_because.empty());
    const std::string why = *opened ? "" : opened->error().detail;
    EXPECT_THAT(why, HasSubstr(GetParam().refused_because));
}

INSTANTIATE_TEST_SUITE_P(
    Tls,
    TlsName,
    ::testing::Values(
        Case{"exact", "a.example.test", {.alternative_names = "DNS:a.example.test"}},
        Case{"any_case", "A.Example.test", {.alternative_names = "DNS:a.example.test"}},
        Case{"one_of_two", "b.test", {.alternative_names = "DNS:a.test,DNS:b.test"}},
        Case{"wildcard_for_one_label",
             "a.example.test",
             {.alternative_names = "DNS:*.example.test"}},
        Case{.name = "wildcard_is_not_two_labels",
             .host = "a.b.example.test",
             .subject = {.alternative_names = "DNS:*.example.test"},
             .refused_because = "hostname mismatch"},
        Case{.name = "wildcard_is_not_no_label",
             .host = "example.test",
             .subject = {.alternative_names = "DNS:*.example.test"},
             .refused_because = "hostname mismatch"},
        Case{.name = "wildcard_for_a_top_level_domain",
             .host = "a.test",
             .subject = {.alternative_names = "DNS:*.test"},
             .refused_because = "hostname mismatch"},
        Case{.name = "wildcard_inside_a_label",
             .host = "api.example.test",
             .subject = {.alternative_names = "DNS:a*.example.test"},
             .refused_because = "hostname mismatch"},
        Case{.name = "bare_wildcard",
             .host = "a.test",
             .subject = {.alternative_names = "DNS:*"},
             .refused_because = "hostname mismatch"},
        Case{.name = "suffix",
             .host = "a.test",
             .subject = {.alternative_names = "DNS:test,DNS:xa.test,DNS:a.test.evil"},
             .refused_because = "hostname mismatch"},
        Case{.name = "common_name_beside_another_name",
             .host = "a.test",
             .subject = {.common_name = "a.test", .alternative_names = "DNS:b.test"},
             .refused_because = "hostname mismatch"}),
    name_of);

class Tls : public ::testing::Test, public World {
protected:
    // The server name that the far side saw.
    std::string sni_for(const std::string& host) {
        const auto context = server_context(make_identity(kBoth, &authority));
        std::string seen;
        FarSide far(io, context.get(), [&seen](Peer& peer) -> asio::awaitable<void> {
            seen = peer.server_name();
            (void)co_await peer.read_request();
            (void)co_await peer.write(ok());
        });
        ClientOptions options;
        options.origin = {true, host, far.port(), ""};
        options.ca_file = ca_file;
        auto client = Client::create(io.get_executor(), options);
        EXPECT_TRUE(client);
        EXPECT_EQ(send(**client, post()).phase, Phase::answered);
        return seen;
    }
};

TEST_F(Tls, SendsTheServerNameOfANameAndNoneOfAnAddress) {
    EXPECT_EQ(sni_for("localhost"), "localhost");
    EXPECT_EQ(sni_for("127.0.0.1"), "");
}

TEST_F(Tls, NeverResumesASession) {
    const auto context = server_context(make_identity(kBoth, &authority));
    int resumed = 0;
    FarSide far(io, context.get(), [&resumed](Peer& peer) -> asio::awaitable<void> {
        resumed += SSL_session_reused(peer.native());
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        co_await peer.close();
    });
    ClientOptions options;
    options.origin = {true, "localhost", far.port(), ""};
    options.ca_file = ca_file;
    auto client = Client::create(io.get_executor(), options);
    ASSERT_TRUE(client);
    for (int i = 1; i <= 3; ++i) {
        EXPECT_EQ(send(**client, post()).phase, Phase::answered);
        ASSERT_TRUE(run_until([&far, i] { return far.finished() == i; }));
    }
    EXPECT_EQ(far.connections(), 3);
    EXPECT_EQ(resumed, 0);
}

struct BadTrust {
    std::string name;
    std::string content;
    std::string why;  // OpenSSL's own words
};

TEST_F(Tls, RefusesACaFileThatHoldsNoCertificate) {
    const std::vector<BadTrust> all = {
        {"empty.pem", "", "no certificate"},
        {"words.pem", "not a certificate\n", "no certificate"},
        {"key.pem", authority.key_pem(), "no certificate"},
        {"half.pem", authority.certificate_pem().substr(0, 200), "PEM"},
    };
    for (const BadTrust& bad : all) {
        ClientOptions options;
        options.origin = {true, "localhost", 443, ""};
        options.ca_file = directory.write(bad.name, bad.content);
        const auto client = Client::create(io.get_executor(), options);
        ASSERT_FALSE(client) << bad.name;
        EXPECT_EQ(client.error().code, Errc::bad_config);
        EXPECT_THAT(client.error().detail, HasSubstr("ca_file " + options.ca_file));
        EXPECT_THAT(client.error().detail, HasSubstr(bad.why));
    }
}

TEST_F(Tls, RefusesACaFileThatCannotBeRead) {
    for (const std::string& path : {directory.path() + "/missing.pem", directory.path()}) {
        const auto trust = make_tls_context(path);
        ASSERT_FALSE(trust) << path;
        EXPECT_EQ(trust.error().code, Errc::bad_config);
        EXPECT_THAT(trust.error().detail, HasSubstr(path));
    }
}

TEST_F(Tls, DoesNotReadACaFileForPlainHttp) {
    ClientOptions options;
    options.origin = {false, "127.0.0.1", 80, ""};
    options.ca_file = "/nonexistent";
    EXPECT_TRUE(Client::create(io.get_executor(), options));
}

TEST_F(Tls, TrustsOnlyTheConfiguredFile) {
    auto trust = make_tls_context(ca_file);
    ASSERT_TRUE(trust);
    const X509_STORE* store = SSL_CTX_get_cert_store((*trust)->native_handle());
    EXPECT_EQ(sk_X509_OBJECT_num(X509_STORE_get0_objects(store)), 1);
}

}  // namespace
}  // namespace holdfast::transport
