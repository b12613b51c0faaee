// Reads GGUF.
// Source: the GGUF specification (ggml-org/ggml, docs/gguf.md).
#include "workloads/capture/gguf.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

namespace terrace {
namespace {

constexpr std::uint64_t max_name = 65535, max_dimension = std::uint64_t{1} << 40;

std::string_view read_string(ByteCursor& in, const char* what) {
  return in.take(in.value<std::uint64_t>(what), what);
}

std::string printable(std::string_view text) {
  std::string out;
  for (const char c : text.substr(0, 64))
    out += c >= 0x20 && c < 0x7F ? std::string(1, c)
                                 : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return out + (text.size() > 64 ? "…" : "");
}

}  // namespace

std::uint64_t GgufFile::width(Type type) {
  constexpr std::uint64_t widths[types] = {1, 1, 2, 2, 4, 4, 4, 1, 8, 0, 8, 8, 8};
  return widths[type];
}

GgufFile::GgufFile(const MappedFile& file) : file_(file) {
  ByteCursor in(file);
  if (in.take(4, "the magic number") != "GGUF") fail("byte 0: not a GGUF file");
  const auto version = in.value<std::uint32_t>("the version");
  if (version != 2 && version != 3)
    fail(fmt::format("byte 4: GGUF version {} is not supported (2 and 3 are){}", version,
                     version >= 1 << 24 ? "; the file looks big-endian" : ""));
  const auto tensor_count = in.value<std::uint64_t>("the number of tensors");
  const auto value_count = in.value<std::uint64_t>("the number of metadata values");
  // The smallest value takes 13 bytes, the smallest tensor 24.
  if (value_count > in.left() / 13)
    fail(fmt::format("byte 16: {} metadata values do not fit in the file", value_count));
  if (tensor_count > in.left() / 24)
    fail(fmt::format("byte 8: {} tensors do not fit in the file", tensor_count));
  for (std::uint64_t i = 0; i < value_count; ++i) {
    const std::uint64_t at = in.at();
    const std::string_view key = read_string(in, "a metadata key");
    if (key.empty() || key.size() > max_name)
      fail(fmt::format("byte {}: a metadata key of {} bytes", at, key.size()));
    const Value value = read_value(in, std::string(key));
    if (!metadata_.emplace(key, value).second)
      fail(fmt::format("byte {}: metadata key \"{}\" is there twice", at, printable(key)));
  }
  for (std::uint64_t i = 0; i < tensor_count; ++i) read_tensor(in);
  place_tensors(in.at());
}

GgufFile::Value GgufFile::read_value(ByteCursor& in, const std::string& key) const {
  const auto read_type = [&] {
    const std::uint64_t at = in.at();
    const auto type = in.value<std::uint32_t>("the type of a metadata value");
    if (type >= types)
      fail(fmt::format("byte {}: metadata \"{}\" has unknown type {}", at, printable(key), type));
    return static_cast<Type>(type);
  };
  Value value;
  value.type = read_type();
  if (value.type == array) {
    value.is_array = true;
    value.type = read_type();
    if (value.type == array) fail("metadata \"" + printable(key) + "\" is an array of arrays");
    value.count = in.value<std::uint64_t>("the length of an array");
  }
  value.at = in.at();
  if (value.type == string) {
    if (value.count > in.left() / 8)
      fail(fmt::format("byte {}: metadata \"{}\": {} strings do not fit in the file", in.at(),
                       printable(key), value.count));
    for (std::uint64_t i = 0; i < value.count; ++i) read_string(in, "a metadata string");
  } else {
    if (value.count > in.left() / width(value.type))
      fail(fmt::format("byte {}: metadata \"{}\": the file ends inside it ({} values)", in.at(),
                       printable(key), value.count));
    in.take(value.count * width(value.type), "a metadata value");
  }
  return value;
}

void GgufFile::read_tensor(ByteCursor& in) {
  GgufTensor t;
  const std::uint64_t at = in.at();
  t.name = std::string(read_string(in, "a tensor's name"));
  const std::string shown = printable(t.name);
  const auto wrong = [&](const std::string& what) {
    fail(fmt::format("byte {}: tensor \"{}\": {}", at, shown, what));
  };
  if (t.name.empty() || t.name.size() > max_name) wrong("a name of no use");
  const auto dimensions = in.value<std::uint32_t>("a tensor's dimensions");
  if (dimensions < 1 || dimensions > 4)
    wrong(fmt::format("{} dimensions (1 to 4 are possible)", dimensions));
  std::uint64_t values = 1;
  for (std::uint32_t d = 0; d < dimensions; ++d) {
    const auto n = in.value<std::uint64_t>("a tensor's dimensions");
    if (n < 1 || n > max_dimension || values > max_dimension / n) wrong("dimensions of no use");
    values *= n;
    t.dimensions.push_back(static_cast<std::int64_t>(n));
  }
  t.values = static_cast<std::int64_t>(values);
  t.type = in.value<std::uint32_t>("a tensor's type");
  t.offset = in.value<std::uint64_t>("a tensor's offset");
  t.format = find_block_format(t.type);
  if (t.format != nullptr) {
    if (t.dimensions[0] % t.format->values != 0)
      wrong(fmt::format("rows of {} values are no whole blocks of {} ({})", t.dimensions[0],
                        t.format->values, t.format->name));
    t.bytes = values / t.format->values * t.format->bytes;
  }
  if (!by_name_.emplace(t.name, tensors_.size()).second) wrong("is there twice");
  tensors_.push_back(std::move(t));
}

void GgufFile::place_tensors(std::uint64_t data_at) {
  const std::int64_t alignment = integer_or("general.alignment", 32);
  if (alignment < 8 || alignment > 1 << 20 || alignment % 8 != 0)
    fail(fmt::format("general.alignment is {}", alignment));
  const auto step = static_cast<std::uint64_t>(alignment);
  data_at = (data_at + step - 1) / step * step;
  for (GgufTensor& t : tensors_) {
    if (t.offset % step != 0)
      fail(fmt::format("tensor \"{}\": offset {} is no multiple of {}", printable(t.name), t.offset,
                       step));
    if (data_at > file_.size() || t.offset > file_.size() - data_at ||
        t.bytes > file_.size() - data_at - t.offset)
      fail(fmt::format(
          "tensor \"{}\": the file ends inside it ({} bytes from byte {} + {} on, of {})",
          printable(t.name), t.bytes, data_at, t.offset, file_.size()));
    t.offset += data_at;
  }
}

const GgufFile::Value& GgufFile::value(const std::string& key, bool is_array) const {
  const auto found = metadata_.find(key);
  if (found == metadata_.end()) fail("has no metadata \"" + key + "\"");
  if (found->second.is_array != is_array)
    fail(fmt::format("metadata \"{}\" is {} array", key, is_array ? "no" : "an"));
  return found->second;
}

std::string GgufFile::text(const std::string& key) const {
  const Value& v = value(key, false);
  if (v.type != string) fail("metadata \"" + key + "\" is no string");
  ByteCursor in(file_, v.at);
  return std::string(read_string(in, "a metadata string"));
}

double GgufFile::number_at(const Value& v, std::uint64_t at) const {
  ByteCursor in(file_, at);
  const char* what = "a metadata value";
  switch (v.type) {
    case u8:
      return in.value<std::uint8_t>(what);
    case i8:
      return in.value<std::int8_t>(what);
    case u16:
      return in.value<std::uint16_t>(what);
    case i16:
      return in.value<std::int16_t>(what);
    case u32:
      return in.value<std::uint32_t>(what);
    case i32:
      return in.value<std::int32_t>(what);
    case f32:
      return in.value<float>(what);
    case boolean:
      return in.value<std::uint8_t>(what);
    case u64:
      return static_cast<double>(in.value<std::uint64_t>(what));
    case i64:
      return static_cast<double>(in.value<std::int64_t>(what));
    case f64:
      return in.value<double>(what);
    default:
      return std::nan("");
  }
}

double GgufFile::number(const std::string& key) const {
  const Value& v = value(key, false);
  const double n = number_at(v, v.at);
  if (v.type == boolean || !std::isfinite(n)) fail("metadata \"" + key + "\" is no number");
  return n;
}

std::int64_t GgufFile::integer(const std::string& key) const {
  const double n = number(key);
  if (n != std::floor(n) || std::abs(n) > 0x1p53) fail("metadata \"" + key + "\" is no integer");
  return static_cast<std::int64_t>(n);
}

bool GgufFile::flag(const std::string& key) const {
  const Value& v = value(key, false);
  if (v.type != boolean) fail("metadata \"" + key + "\" is neither true nor false");
  return number_at(v, v.at) != 0;
}

std::int64_t GgufFile::integer_or(const std::string& key, std::int64_t otherwise) const {
  return has(key) ? integer(key) : otherwise;
}
double GgufFile::number_or(const std::string& key, double otherwise) const {
  return has(key) ? number(key) : otherwise;
}

std::int64_t GgufFile::length(const std::string& key) const {
  const auto found = metadata_.find(key);
  return found == metadata_.end() ? 0 : static_cast<std::int64_t>(found->second.count);
}

std::vector<std::string_view> GgufFile::texts(const std::string& key) const {
  const Value& v = value(key, true);
  if (v.type != string) fail("metadata \"" + key + "\" is no array of strings");
  std::vector<std::string_view> all;
  all.reserve(v.count);
  ByteCursor in(file_, v.at);
  for (std::uint64_t i = 0; i < v.count; ++i) all.push_back(read_string(in, "a metadata string"));
  return all;
}

std::vector<double> GgufFile::numbers(const std::string& key) const {
  const Value& v = value(key, true);
  if (v.type == string || v.type == boolean)
    fail("metadata \"" + key + "\" is no array of numbers");
  std::vector<double> all;
  all.reserve(v.count);
  for (std::uint64_t i = 0; i < v.count; ++i) all.push_back(number_at(v, v.at + i * width(v.type)));
  return all;
}

const GgufTensor* GgufFile::find(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &tensors_[found->second];
}

PackedMatrix GgufFile::packed(const std::string& name) const {
  const GgufTensor* t = find(name);
  if (t == nullptr || t->format == nullptr || !has_packed_kernel(*t->format)) return {};
  const auto* from = reinterpret_cast<const std::uint8_t*>(file_.bytes().data()) + t->offset;
  return {t->format, {from, from + t->bytes}};
}

std::vector<float> GgufFile::read(const std::string& name,
                                  const std::vector<std::int64_t>& dimensions) const {
  const GgufTensor* t = find(name);
  if (t == nullptr) fail("has no tensor \"" + name + "\"");
  if (t->dimensions != dimensions)
    fail(fmt::format("tensor \"{}\" is {}, not {}", name, fmt::join(t->dimensions, " x "),
                     fmt::join(dimensions, " x ")));
  if (t->format == nullptr)
    fail(fmt::format("tensor \"{}\" is stored as {}, which is not supported ({} are)", name,
                     block_format_name(t->type), block_format_names()));
  std::vector<float> values(static_cast<std::size_t>(t->values));
  const auto* from = reinterpret_cast<const std::uint8_t*>(file_.bytes().data()) + t->offset;
  const std::int64_t step = t->format->values;
  for (std::int64_t i = 0; i < t->values; i += step, from += t->format->bytes) {
    float* block = values.data() + i;
    t->format->decode(from, block);
    float sum = 0;  // 0 x NaN and 0 x infinity are NaN
    for (std::int64_t j = 0; j < step; ++j) sum += 0 * block[j];
    if (!(sum == 0))
      fail(fmt::format("tensor \"{}\" holds NaN or infinity at value {} (byte {})", name, i,
                       from - reinterpret_cast<const std::uint8_t*>(file_.bytes().data())));
  }
  return values;
}

}  // namespace terrace
