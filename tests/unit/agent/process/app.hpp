// An app at the other end of a socket: sends what it is told and takes what comes, never waiting.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::agent {

struct Reply {
    unsigned status = 0;
    std::string head;  // status line and fields
    std::string body;

    [[nodiscard]] bool has(std::string_view text) const {
        return head.find(text) != std::string::npos || body.find(text) != std::string::npos;
    }

    // "" when there is no such field.
    [[nodiscard]] std::string field(std::string_view name) const;
};

// The complete answers in a stream of bytes.
[[nodiscard]] std::vector<Reply> answers_in(std::string_view stream);

class App {
public:
    [[nodiscard]] static App on_unix(const std::string& path);
    [[nodiscard]] static App on_tcp(std::uint16_t port);
    // As the kernel tells it, all of one other process, which has ended.
    [[nodiscard]] static std::vector<App> elsewhere_on_unix(const std::string& path,
                                                            std::size_t count);
    ~App();
    App(App&& other) noexcept;
    App& operator=(App&&) = delete;

    void send(std::string_view bytes) { unsent_.append(bytes); }

    void stop_reading() { reads_ = false; }

    void take_some();  // once, also when it has stopped

    void end_sending();  // once all is sent
    void close();

    // Sends and takes what can be now. False when nothing moved.
    bool pump();

    [[nodiscard]] const std::string& received() const { return received_; }

    [[nodiscard]] std::vector<Reply> answers() const { return answers_in(received_); }

    [[nodiscard]] std::size_t bytes_sent() const { return bytes_sent_; }

    [[nodiscard]] bool ended() const { return ended_; }  // no more will come

    [[nodiscard]] bool was_reset() const { return reset_; }  // and not in an orderly way

private:
    explicit App(int descriptor) : descriptor_(descriptor) {}

    bool take();  // false: there is nothing
    void leave(bool reset);

    int descriptor_;
    std::string unsent_;
    std::string received_;
    std::size_t bytes_sent_ = 0;
    bool reads_ = true;
    bool end_ = false;
    bool ended_ = false;
    bool reset_ = false;
};

[[nodiscard]] std::string request(std::string_view method,
                                  std::string_view target,
                                  std::string_view body = {},
                                  std::string_view fields = {});

// A request that is taken, for this person.
[[nodiscard]] std::string identify(std::string_view person);

}  // namespace holdfast::agent
