#include "agent/cli/send.hpp"

#include "agent/cli/text.hpp"

#include <fstream>
#include <istream>
#include <iterator>
#include <optional>
#include <ostream>

namespace holdfast::cli {
namespace {

// Enough for the agent to sync many at once; it reads no more than so many ahead.
constexpr std::size_t kOutstandingMax = 1024;

bool is_blank(const std::string& line) {
    return line.find_first_not_of(" \t\r") == std::string::npos;
}

std::string rest_of(std::istream& in) {
    return {std::istreambuf_iterator<char>(in), {}};
}

// What `body` stands for.
Result<std::string> body_from(const std::string& body, const Surroundings& around) {
    if (body == "-") return rest_of(*around.in);
    if (!body.starts_with('@')) return body;
    std::ifstream file(body.substr(1), std::ios::binary);
    std::string text = rest_of(file);
    if (!file || file.bad()) return Error{Errc::bad_input, "cannot read " + body.substr(1)};
    return text;
}

std::string repeat_advice(const SendOptions& options) {
    return options.key.empty() ? "; sent again without --idempotency-key it may be stored twice"
                               : "; the same command again stores it once";
}

}  // namespace

Send::Send(const SendOptions& options, const Surroundings& around, bool json)
    : options_(options),
      around_(around),
      json_(json),
      client_(options.socket, std::chrono::ceil<std::chrono::milliseconds>(around.timeout)),
      report_(around, json) {}

int Send::misused(const std::string& what) const {
    around_.err << "holdfast: " << printable(what) << "\n";
    return kUsage;
}

int Send::one() {
    const Result<client::Method> method = parse_method(options_.method);
    if (!method) return misused(method.error().detail);
    const Result<std::string> body = body_from(options_.body, around_);
    if (!body) return misused(body.error().detail);
    const Outcome outcome =
        client_.send({*method, options_.target, *body, options_.destination, options_.key});
    if (json_) around_.out << one_line(describe(outcome)) << std::endl;
    if (outcome) {
        if (!json_) {
            around_.out << (outcome->is_repeat ? "already stored " : "stored ") << outcome->seq
                        << " " << outcome->id.text() << " (" << to_string(outcome->durability)
                        << ")" << std::endl;
        }
        return kDone;
    }
    const client::Error& error = outcome.error();
    around_.err << "holdfast: " << to_string(error.code) << ": " << printable(error.message)
                << (error.may_be_stored() ? repeat_advice(options_) : "") << "\n";
    return exit_code(error);
}

int Send::many() {
    if (options_.from == "-") return all_of(*around_.in);
    std::ifstream file(options_.from, std::ios::binary);
    if (!file) return misused("cannot read " + options_.from);
    return all_of(file);
}

int Send::all_of(std::istream& in) {
    std::string text;
    bool at_end = false;
    while (!should_stop()) {
        // Before the input is waited for, what was read has its outcome.
        if (in.rdbuf()->in_avail() <= 0) receive_all();
        if (should_stop()) break;
        at_end = !std::getline(in, text);
        if (at_end) break;
        if (++line_ > options_.after && !is_blank(text)) submit(text);
        if (waiting_.size() >= kOutstandingMax) receive_one();
    }
    receive_all();
    if (in.bad()) return misused("cannot read " + options_.from + " to its end");
    return report_.end(line_, at_end);
}

bool Send::should_stop() const {
    return report_.is_troubled() || (report_.has_refused() && !options_.go_on);
}

void Send::submit(const std::string& text) {
    Result<SendLine> line = parse_send_line(text);
    if (!line) return refuse(false, {client::Errc::invalid, 0, "", line.error().detail});
    if (line->destination.empty()) line->destination = options_.destination;
    if (line->key.empty() && !options_.key.empty()) {
        line->key = options_.key + ":" + std::to_string(line_);
    }
    const auto ticket = client_.submit(line->event());
    if (!ticket) return refuse(!line->key.empty(), ticket.error());
    waiting_.push_back({line_, !line->key.empty()});
}

// By us. It is told behind the lines that came before.
void Send::refuse(bool has_key, client::Error error) {
    receive_all();
    report_.add(line_, has_key, std::move(error));
}

void Send::receive_one() {
    const std::optional<client::Completion> completion = client_.receive();
    if (!completion) return;
    report_.add(waiting_.front().line, waiting_.front().has_key, completion->outcome);
    waiting_.pop_front();
}

void Send::receive_all() {
    while (!waiting_.empty()) receive_one();
}

}  // namespace holdfast::cli
