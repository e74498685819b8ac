#include "agent/cli/send_report.hpp"

#include "agent/cli/text.hpp"

#include <ostream>

namespace holdfast::cli {
namespace {

constexpr std::uint64_t kProgressEvery = 1000;

std::string counted(std::uint64_t count, const char* what) {
    return count == 0 ? "" : ", " + std::to_string(count) + " " + what;
}

std::string lines_text(std::uint64_t first, std::uint64_t last) {
    if (first == last) return "line " + std::to_string(first);
    return "lines " + std::to_string(first) + " to " + std::to_string(last);
}

}  // namespace

Json describe(const Outcome& outcome) {
    if (outcome) {
        const auto at = std::chrono::floor<std::chrono::milliseconds>(outcome->accepted_at);
        return {{"seq", outcome->seq},
                {"id", outcome->id.text()},
                {"accepted_at", time_text(at)},
                {"durability", to_string(outcome->durability)},
                {"repeat", outcome->is_repeat}};
    }
    const client::Error& error = outcome.error();
    Json described{{"outcome", to_string(error.code)}};
    if (error.status != 0) described["status"] = error.status;
    if (!error.reason.empty()) described["code"] = error.reason;
    described["message"] = error.message;
    return {{"error", std::move(described)}};
}

int exit_code(const client::Error& error) {
    return error.may_pass_later() ? kUnreachable : kRefused;
}

void SendReport::add(std::uint64_t line, bool has_key, const Outcome& outcome) {
    count(line, has_key, outcome);
    if (json_) {
        Json described{{"line", line}};
        described.update(describe(outcome));
        around_.out << one_line(described) << "\n";
    }
    if (outcome) {
        end_run();
    } else {
        tell(line, std::string(to_string(outcome.error().code)) + ": " + outcome.error().message);
    }
    if (++done_ % kProgressEvery == 0) show_progress();
}

void SendReport::count(std::uint64_t line, bool has_key, const Outcome& outcome) {
    bool may_be_stored = true;
    if (outcome) {
        ++stored_;
        if (outcome->is_repeat) ++repeats_;
        if (outcome->durability == client::Durability::buffered) ++buffered_;
    } else {
        const client::Error& error = outcome.error();
        may_be_stored = error.may_be_stored();
        ++(!error.may_pass_later() ? refused_ : may_be_stored ? in_doubt_ : not_stored_);
        if (again_ == 0 && error.may_pass_later()) again_ = line;
    }
    if (again_ > 0 && may_be_stored && !has_key) may_repeat_ = true;
}

void SendReport::tell(std::uint64_t line, const std::string& what) {
    if (run_ && run_->what == what && run_->last + 1 == line) {
        run_->last = line;
        return;
    }
    end_run();
    run_ = Run{line, line, what};
}

void SendReport::end_run() {
    if (!run_) return;
    end_progress();
    around_.err << "holdfast: " << lines_text(run_->first, run_->last) << ": "
                << printable(run_->what) << "\n";
    run_.reset();
}

void SendReport::show_progress() {
    if (!around_.tty) return;
    around_.err << "\rstored " << stored_ << std::flush;
    progress_ = true;
}

void SendReport::end_progress() {
    if (progress_) around_.err << "\n";
    progress_ = false;
}

int SendReport::end(std::uint64_t read, bool at_end) {
    end_run();
    end_progress();
    if (!json_) {
        around_.out << "stored " << stored_ << counted(repeats_, "of them already before")
                    << counted(buffered_, "of them buffered only") << counted(refused_, "refused")
                    << counted(not_stored_, "not stored") << counted(in_doubt_, "in doubt") << "\n";
    }
    around_.out << std::flush;
    say_where_to_go_on(read, at_end);
    if (again_ > 0) return kUnreachable;
    return refused_ > 0 ? kRefused : kDone;
}

void SendReport::say_where_to_go_on(std::uint64_t read, bool at_end) {
    if (again_ > 0) {
        around_.err << "holdfast: send it again with --after " << again_ - 1;
        if (may_repeat_) around_.err << "; what has no idempotency key may be stored twice then";
        around_.err << "\n";
    } else if (!at_end) {
        around_.err << "holdfast: stopped at the first refused line, with the lines up to " << read
                    << " sent; go on with --after " << read << "\n";
    }
}

}  // namespace holdfast::cli
