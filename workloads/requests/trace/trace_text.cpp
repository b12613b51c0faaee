// Reads trace files whole and hands them out line by line.
#include "workloads/requests/trace/trace_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "sim/registry.h"

namespace terrace {
namespace {

constexpr std::size_t max_mistakes = 8;
constexpr std::uintmax_t max_file_bytes = 4ULL << 30;

std::string contents(const FilePath& file) {
  namespace fs = std::filesystem;
  const std::string& name = file.resolved.empty() ? file.written : file.resolved;
  std::error_code error;
  const auto status = fs::status(name, error);
  if (!error && fs::is_directory(status)) error = std::make_error_code(std::errc::is_a_directory);
  if (!error && !fs::is_regular_file(status))
    error = std::make_error_code(fs::exists(status) ? std::errc::invalid_argument
                                                    : std::errc::no_such_file_or_directory);
  const auto size = error ? 0 : fs::file_size(name, error);
  if (!error && size > max_file_bytes) error = std::make_error_code(std::errc::file_too_large);
  std::string text;
  if (!error) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> in(std::fopen(name.c_str(), "rb"),
                                                             &std::fclose);
    text.resize(size);
    if (in) text.resize(std::fread(text.data(), 1, size, in.get()));
    if (!in || std::ferror(in.get())) error = std::error_code(errno, std::generic_category());
  }
  if (error) throw BuildError("file", fmt::format("cannot read \"{}\": {}", name, error.message()));
  return text;
}

}  // namespace

TraceText::TraceText(const FilePath& file)
    : TraceText(file.resolved.empty() ? file.written : file.resolved, contents(file)) {}

TraceText::TraceText(std::string name, std::string text)
    : name_(std::make_shared<const std::string>(std::move(name))), text_(std::move(text)) {
  rest_ = text_;
  if (rest_.substr(0, 3) == "\xEF\xBB\xBF") rest_.remove_prefix(3);
}

bool TraceText::next_line() {
  if (rest_.empty()) return false;
  const auto end = rest_.find('\n');
  line_ = rest_.substr(0, end);
  rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
  if (!line_.empty() && line_.back() == '\r') line_.remove_suffix(1);
  ++number_;
  return true;
}

void TraceText::fail(std::size_t offset, std::string_view field, const std::string& what) {
  const bool last = mistakes_.size() + 1 == max_mistakes;
  const Place place{name_, std::max(1, number_), static_cast<int>(offset) + 1};
  const std::string path = field.empty() ? "" : fmt::format("column \"{}\"", field);
  mistakes_.add(place, path, last ? what + " (and perhaps more)" : what);
  if (last) raise();
}

void TraceText::fail(const char* at, std::string_view field, const std::string& what) {
  fail(static_cast<std::size_t>(at - line_.data()), field, what);
}

std::string quote(std::string_view text) {
  constexpr std::size_t longest = 40;
  std::string out = "\"";
  for (const char c : text.substr(0, longest)) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7F || c == '"' || c == '\\')
      out += fmt::format("\\x{:02x}", byte);
    else
      out += c;
  }
  return out + (text.size() > longest ? "…\"" : "\"");
}

}  // namespace terrace
