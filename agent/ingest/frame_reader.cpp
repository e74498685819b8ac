#include "agent/ingest/frame_reader.hpp"

namespace holdfast::agent {
namespace {

constexpr std::size_t kBufferBytesKept = std::size_t{64} * 1024;

}  // namespace

void FrameReader::feed(std::string_view bytes) {
    buffer_.erase(0, read_);
    frame_end_ -= read_;
    read_ = 0;
    if (buffer_.size() + bytes.size() <= kBufferBytesKept &&
        buffer_.capacity() > kBufferBytesKept) {
        buffer_.shrink_to_fit();
    }
    buffer_.append(bytes);
}

FrameReader::Status FrameReader::next() {
    while (!error_ && read_ == frame_end_) {
        if (!enter_frame()) break;
    }
    if (error_) return Status::refused;
    if (read_ == frame_end_) {
        if (read_ == buffer_.size() && buffer_.capacity() > kBufferBytesKept) forget();
        return Status::incomplete;
    }
    std::string_view payload = std::string_view(buffer_).substr(read_, frame_end_ - read_);
    const Result<frame::Event> event = frame::take_event(payload);
    if (!event) return refuse(event.error());
    event_ = *event;
    read_ = frame_end_ - payload.size();
    return Status::complete;
}

std::size_t FrameReader::bytes_expected() const {
    const std::string_view rest = std::string_view(buffer_).substr(read_);
    if (read_ != frame_end_ || rest.size() < frame::kHeaderBytes) return bytes_held();
    const Result<frame::Header> header = frame::read_header(rest);
    return header ? frame::kHeaderBytes + header->payload_bytes : bytes_held();
}

// A connection that rests keeps no more than it needs for ordinary frames.
void FrameReader::forget() {
    buffer_ = std::string();
    read_ = 0;
    frame_end_ = 0;
}

// True when a whole frame is there; read_ is then behind its header.
bool FrameReader::enter_frame() {
    const std::string_view rest = std::string_view(buffer_).substr(read_);
    if (rest.size() < frame::kHeaderBytes) return false;
    const Result<frame::Header> header = frame::read_header(rest);
    if (!header) {
        refuse(header.error());
        return false;
    }
    if (header->type != frame::Type::events) {
        refuse(Error{Errc::bad_input, "malformed frame: an app sends events only"});
        return false;
    }
    const std::size_t size = frame::kHeaderBytes + header->payload_bytes;
    if (rest.size() < size) return false;
    if (!frame::matches_checksum(*header, rest.substr(0, size))) {
        refuse(Error{Errc::bad_input, "malformed frame: it does not match its checksum"});
        return false;
    }
    frame_end_ = read_ + size;
    read_ += frame::kHeaderBytes;
    return true;
}

FrameReader::Status FrameReader::refuse(const Error& error) {
    error_ = error;
    return Status::refused;
}

}  // namespace holdfast::agent
