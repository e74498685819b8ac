// Over random JSON: what is sent means what came, plus what acceptance adds; and no bytes bring it
// down.
#include "acceptor_fixture.hpp"

#include <nlohmann/json.hpp>

#include <random>

namespace holdfast::customerio {
namespace {

using Json = nlohmann::ordered_json;

class Generator {
public:
    explicit Generator(std::uint32_t seed) : random_(seed) {}

    std::size_t below(std::size_t bound) { return random_() % bound; }

    std::string string() {
        static constexpr std::string_view kPieces[] = {"a",
                                                       "id",
                                                       "\"",
                                                       "\\",
                                                       "{",
                                                       "}",
                                                       "[",
                                                       "]",
                                                       ":",
                                                       ",",
                                                       "null",
                                                       "\n",
                                                       "\u00e9",
                                                       " ",
                                                       "/",
                                                       "\x01"};
        std::string out;
        for (std::size_t n = below(6); n > 0; --n) out += kPieces[below(std::size(kPieces))];
        return out;
    }

    Json value(int depth) {
        switch (below(depth > 0 ? 8 : 6)) {
            case 0:
                return nullptr;
            case 1:
                return below(2) == 0;
            case 2:
                return static_cast<std::int64_t>(random_()) - 2'000'000'000;
            case 3:
                return static_cast<double>(random_()) / 1024;
            case 4:
            case 5:
                return string();
            case 6: {
                Json out = Json::array();
                for (std::size_t n = below(4); n > 0; --n) out.push_back(value(depth - 1));
                return out;
            }
            default:
                return object(depth - 1);
        }
    }

    Json object(int depth) {
        Json out = Json::object();
        for (std::size_t n = below(5); n > 0; --n) out[string()] = value(depth);
        return out;
    }

    // An event in random order, with and without what acceptance adds.
    Json event() {
        Json out = Json::object();
        const std::size_t name_at = below(6);
        for (std::size_t i = 0; i < 6; ++i) {
            if (i == name_at) out["name"] = "n" + string();
            const std::size_t kind = below(6);
            if (kind == 0 && !out.contains("id"))
                out["id"] = below(2) == 0 ? Json(nullptr) : Json("mine");
            if (kind == 1 && !out.contains("timestamp")) {
                out["timestamp"] = below(2) == 0 ? Json(nullptr) : Json(17);
            }
            if (kind == 2) out["data"] = object(3);
            if (kind > 2) out["x" + string()] = value(3);
        }
        return out;
    }

private:
    std::mt19937 random_;
};

class AcceptorSpliceTest : public AcceptorTest {};

TEST_F(AcceptorSpliceTest, TheSentBodyIsTheOneThatCamePlusExactlyIdAndTimestamp) {
    Generator generator(20240229);
    for (int i = 0; i < 3000; ++i) {
        const Json came = generator.event();
        const std::string text = came.dump(static_cast<int>(generator.below(3)) - 1);
        const Event made = event("POST", "/api/v1/customers/5/events", text);
        const Json sent = Json::parse(made.body, nullptr, false);
        nlohmann::json want = nlohmann::json::parse(text);
        if (want["id"].is_null()) want["id"] = kUlidText;
        if (want["timestamp"].is_null()) want["timestamp"] = kNowMs / 1000;
        ASSERT_EQ(nlohmann::json(sent), want) << text << '\n' << made.body;
        ASSERT_EQ(made.body.size() == text.size(), came == sent) << text;
    }
}

TEST_F(AcceptorSpliceTest, NoDamagedBodyBringsItDownOrIsSentAsInvalidJson) {
    Generator generator(7);
    for (int i = 0; i < 3000; ++i) {
        std::string text = generator.event().dump();
        for (std::size_t n = generator.below(3) + 1; n > 0; --n) {
            const std::size_t at = generator.below(text.size());
            if (generator.below(2) == 0) {
                text[at] = static_cast<char>(generator.below(256));
            } else {
                text.resize(at + 1);
            }
        }
        const auto result = accept("POST", "/api/v1/events", text);
        if (const auto* made = std::get_if<Event>(&result)) {
            ASSERT_TRUE(nlohmann::json::accept(made->body)) << text << '\n' << made->body;
        } else {
            ASSERT_TRUE(nlohmann::json::accept(std::get<Refusal>(result).body()));
        }
    }
}

}  // namespace
}  // namespace holdfast::customerio
