#include "agent/cli/conversation.hpp"

#include "agent/cli/text.hpp"

#include <ostream>
#include <utility>

namespace holdfast::cli {

Error not_the_agent() {
    return {Errc::unavailable,
            "what answers on the socket is not holdfastd, or of another version"};
}

Result<Reply> Conversation::get(const std::string& target) const {
    return checked(client_.get(target));
}

Result<Reply> Conversation::post(const std::string& target, std::string body) const {
    return checked(client_.post(target, std::move(body)));
}

Result<Reply> Conversation::checked(Result<Answer> answer) {
    if (!answer) return answer.error();
    Json document = Json::parse(answer->body, nullptr, false);
    if (!document.is_object()) return not_the_agent();
    if (answer->status == 200) return Reply{std::move(answer->body), std::move(document)};
    const std::string message = text_at(at(document, "error"), "message");
    const Errc code = answer->status == 404 ? Errc::not_found : Errc::bad_input;
    return Error{code, message.empty() ? "status " + std::to_string(answer->status) : message};
}

int Conversation::fail(const Error& error) const {
    around_.err << "holdfast: " << printable(error.detail) << "\n";
    return error.code == Errc::unavailable ? kUnreachable : kRefused;
}

void Conversation::write(const std::string& text) const {
    around_.out << text << (text.ends_with('\n') ? "" : "\n") << std::flush;
}

void append(Json& to, const Json& from) {
    for (const Json& element : from) to.push_back(element);
}

}  // namespace holdfast::cli
