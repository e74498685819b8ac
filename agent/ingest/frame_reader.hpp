// Bytes in, the events of native frames out. No sockets: fed in any pieces. Limits: keeps what was
// fed and is not read yet, at most one frame and one feeding; read all events before feeding more.
#pragma once

#include "proto/frame.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::agent {

class FrameReader {
public:
    enum class Status : std::uint8_t {
        incomplete,  // feed more
        complete,    // event() may be used; call next() when done with it
        refused,     // error() says why; the stream cannot be read on: answer and close
    };

    void feed(std::string_view bytes);

    // Nothing will be fed or read any more: gives the memory back.
    void forget();

    // Reads on, event by event and frame by frame.
    [[nodiscard]] Status next();

    [[nodiscard]] const frame::Event& event() const { return event_; }

    [[nodiscard]] const Error& error() const { return *error_; }

    [[nodiscard]] std::size_t bytes_held() const { return buffer_.size() - read_; }

    // What the frame that has begun will take.
    [[nodiscard]] std::size_t bytes_expected() const;

    // A frame has begun and is not complete: somebody should watch the time.
    [[nodiscard]] bool is_inside_frame() const { return read_ < buffer_.size(); }

private:
    [[nodiscard]] bool enter_frame();
    Status refuse(const Error& error);

    std::string buffer_;
    std::size_t read_ = 0;       // of buffer_
    std::size_t frame_end_ = 0;  // of the frame that read_ is in; or read_
    frame::Event event_;
    std::optional<Error> error_;
};

}  // namespace holdfast::agent
