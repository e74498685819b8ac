#include "tests/customerio-sim/options.hpp"

#include <CLI/CLI.hpp>

namespace holdfast::customerio_sim {
namespace {

constexpr const char* kDescription =
    "customerio-sim - a faithful local Customer.io for tests, demos and CI\n"
    "\n"
    "Answers the Track and App APIs as Customer.io does, with its status codes, bodies, headers "
    "and\n"
    "validation texts; keeps people, events and deliveries in memory; and goes wrong on demand.\n"
    "When it is ready it prints one line of JSON with the addresses it listens on.";

constexpr const char* kFooter =
    "Endpoints\n"
    "  Track v1  PUT|DELETE /api/v1/customers/ID, POST .../ID/events|suppress|unsuppress,\n"
    "            PUT .../ID/devices, DELETE .../ID/devices/TOKEN, POST /api/v1/events,\n"
    "            POST /api/v1/merge_customers, "
    "/api/v1/segments/ID/add_customers|remove_customers,\n"
    "            /api/v1/forms/ID/submit, /api/v1/metrics, /api/v1/push/events, /unsubscribe/ID,\n"
    "            GET /api/v1/accounts/region, GET /auth\n"
    "  Track v2  POST /api/v2/entity, POST /api/v2/batch (207 when some items are invalid)\n"
    "  App       POST /v1/send/email|push|sms|whatsapp|in_app|inbox_message (each send is a new\n"
    "            delivery, as there), /v1/campaigns/ID/triggers (one in 10 s, as there)\n"
    "\n"
    "Control (on the --control address)\n"
    "  GET    /requests?after=N&limit=M&bodies=1   every request in arrival order\n"
    "  GET    /people, /people/ID                  what the accepted calls came to\n"
    "  GET    /deliveries, /stats\n"
    "  GET|PUT|DELETE /faults                      the fault rules (PUT replaces all)\n"
    "  GET|PUT /down {\"down\":true|false}           refuse connections; come back on the same "
    "ports\n"
    "  POST   /reset                               forget all but the rules\n"
    "\n"
    "Fault rules: a JSON list; the first rule that matches and fires wins\n"
    "  "
    "{\"match\":{\"path\":\"/api/v1/"
    "*\",\"method\":\"PUT\",\"operation\":\"identify\",\"person\":\"5\"},\n"
    "   \"times\":3, \"probability\":0.5, \"do\":{...}}      all but `do` may be left out\n"
    "  do: {\"status\":503,\"retry_after\":\"2\",\"body\":...,\"headers\":{...}}   instead of the "
    "work\n"
    "      {\"hang\":true}                     reads, never answers\n"
    "      {\"reset\":\"before\"|\"after\"}        TCP reset, before or after the work\n"
    "      {\"close\":\"before\"|\"after\"}        the same with an orderly end of the connection\n"
    "      {\"delay_ms\":N}                    does the work at once, answers late\n"
    "      {\"drip_ms\":N}                     answers one byte each N ms\n"
    "      {\"truncate\":true}                 half of the answer, then closes\n"
    "      {\"garbage\":true}                  answers with bytes that are not HTTP\n"
    "      {\"redirect\":\"http://host:port\"}   307 to the same path there\n"
    "      {\"batch_errors\":[0,2]}            refuses these items of a v2 batch (207)\n"
    "\n"
    "Example\n"
    "  customerio-sim --http 127.0.0.1:8080 --control 127.0.0.1:8081 &\n"
    "  curl -u sim-site:sim-key -X PUT 127.0.0.1:8080/api/v1/customers/5 -d '{\"plan\":\"pro\"}'\n"
    "  curl 127.0.0.1:8081/people/5";

void add_listening(CLI::App& app, Options& options) {
    const std::string group =
        "Listening (port 0 chooses a free one; each may be given several times)";
    app.add_option("--http", options.http, "Plain HTTP; 127.0.0.1:0 when nothing else is given")
        ->type_name("HOST:PORT")
        ->group(group);
    app.add_option("--https", options.https, "HTTP over TLS")->type_name("HOST:PORT")->group(group);
    app.add_option(
           "--control", options.control, "The control endpoint (no credentials: keep it local)")
        ->type_name("HOST:PORT")
        ->group(group);

    auto* cert =
        app.add_option("--tls-cert", options.tls_cert, "Certificate chain for --https, PEM")
            ->type_name("FILE")
            ->group("TLS");
    auto* key = app.add_option("--tls-key", options.tls_key, "Its private key, PEM")
                    ->type_name("FILE")
                    ->group("TLS");
    cert->needs(key);
    key->needs(cert);
    app.add_option("--tls-self-signed",
                   options.tls_self_signed,
                   "Make a CA and a certificate for localhost and 127.0.0.1; write DIR/ca.pem")
        ->type_name("DIR")
        ->excludes(cert)
        ->group("TLS");
}

void add_account(CLI::App& app, Options& options) {
    Account& account = options.account;
    app.add_option("--site-id", account.site_id, "Track: Basic user")
        ->capture_default_str()
        ->group("Account");
    app.add_option("--api-key", account.api_key, "Track: Basic password")
        ->capture_default_str()
        ->group("Account");
    app.add_option("--app-key", account.app_key, "App: Bearer token")
        ->capture_default_str()
        ->group("Account");
    app.add_option("--region", account.region, "What the region endpoint says")
        ->capture_default_str()
        ->check(CLI::IsMember({"us", "eu"}))
        ->group("Account");
}

struct Milliseconds {
    std::int64_t apply_delay = 0;
    std::int64_t trigger_interval = 10'000;
};

void add_behaviour(CLI::App& app, Options& options, Milliseconds& ms) {
    const std::string group = "Behaviour";
    app.add_option("--faults", options.faults_file, "Fault rules to start with")
        ->type_name("FILE")
        ->group(group);
    app.add_option("--seed", options.seed, "For the rules with a probability")
        ->capture_default_str()
        ->group(group);
    app.add_option("--apply-delay-ms",
                   ms.apply_delay,
                   "Let an accepted call take effect only so much later")
        ->capture_default_str()
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{86'400'000}))
        ->group(group);
    app.add_option("--trigger-interval-ms",
                   ms.trigger_interval,
                   "Answer 429 to a trigger that comes so soon after another")
        ->capture_default_str()
        ->check(CLI::Range(std::int64_t{0}, std::int64_t{86'400'000}))
        ->group(group);
    app.add_option("--log", options.log_file, "Append each request as a line of JSON when it ends")
        ->type_name("FILE")
        ->group(group);
    app.add_option("--log-max", options.log_max, "Requests to remember; the oldest go first")
        ->capture_default_str()
        ->group(group);
}

}  // namespace

Arguments parse_arguments(int argc, char** argv) {
    Options options;
    Milliseconds ms;
    CLI::App app{kDescription, "customerio-sim"};
    app.footer(kFooter);
    app.set_version_flag("--version", "customerio-sim " HOLDFAST_VERSION);
    add_listening(app, options);
    add_account(app, options);
    add_behaviour(app, options, ms);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return {std::nullopt, app.exit(error)};
    }
    options.apply_delay = std::chrono::milliseconds(ms.apply_delay);
    options.trigger_interval = std::chrono::milliseconds(ms.trigger_interval);
    if (options.http.empty() && options.https.empty()) options.http.emplace_back("127.0.0.1:0");
    return {std::move(options), 0};
}

}  // namespace holdfast::customerio_sim
