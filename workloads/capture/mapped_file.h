// A file mapped into memory, and a cursor that checks every length before it reads.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "workloads/capture/capture_error.h"

namespace terrace {

class MappedFile {
 public:
  explicit MappedFile(const std::string& name);  // throws CaptureError
  // Bytes that someone else owns, under a name for messages.
  MappedFile(std::string name, std::string_view bytes) : name_(std::move(name)), bytes_(bytes) {}
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept { *this = std::move(other); }
  MappedFile& operator=(MappedFile&& other) noexcept {
    std::swap(name_, other.name_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapped_, other.mapped_);
    return *this;
  }

  const std::string& name() const { return name_; }
  std::string_view bytes() const { return bytes_; }
  std::uint64_t size() const { return bytes_.size(); }
  [[noreturn]] void fail(const std::string& what) const { throw CaptureError(name_, what); }
  std::string sha1() const;  // 40 hexadecimal digits

 private:
  std::string name_;
  std::string_view bytes_;
  bool mapped_ = false;
};

// Reads little-endian values in order. Past the end: CaptureError with the byte offset.
class ByteCursor {
 public:
  explicit ByteCursor(const MappedFile& file, std::uint64_t at = 0) : file_(file), at_(at) {}
  std::uint64_t at() const { return at_; }
  std::uint64_t left() const { return at_ < file_.size() ? file_.size() - at_ : 0; }

  // `what` is named when the file ends inside it.
  std::string_view take(std::uint64_t bytes, const char* what) {
    if (bytes > left()) ended(bytes, what);
    const std::string_view taken = file_.bytes().substr(at_, bytes);
    at_ += bytes;
    return taken;
  }
  template <class T>
  T value(const char* what) {
    T out;
    std::memcpy(&out, take(sizeof(T), what).data(), sizeof(T));
    return out;
  }

 private:
  [[noreturn]] void ended(std::uint64_t bytes, const char* what) const;
  const MappedFile& file_;
  std::uint64_t at_;
};

}  // namespace terrace
