// The container format GGUF, versions 2 and 3: key-value metadata and named tensors.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "workloads/capture/block_format.h"
#include "workloads/capture/mapped_file.h"
#include "workloads/capture/vector_kernels.h"

namespace terrace {

struct GgufTensor {
  std::string name;
  std::vector<std::int64_t> dimensions;  // the fastest first: columns, rows
  std::uint32_t type = 0;
  const BlockFormat* format = nullptr;  // null: this type cannot be decoded
  std::uint64_t offset = 0, bytes = 0;  // in the file
  std::int64_t values = 0;
};

// Views into the mapped file, which outlives it. Everything is checked when it is opened; values
// have the type that is asked for, or CaptureError.
class GgufFile {
 public:
  explicit GgufFile(const MappedFile& file);
  const MappedFile& file() const { return file_; }

  bool has(const std::string& key) const { return metadata_.count(key) != 0; }
  std::string text(const std::string& key) const;
  std::int64_t integer(const std::string& key) const;
  double number(const std::string& key) const;
  bool flag(const std::string& key) const;
  std::int64_t integer_or(const std::string& key, std::int64_t otherwise) const;
  double number_or(const std::string& key, double otherwise) const;
  std::vector<std::string_view> texts(const std::string& key) const;
  std::vector<double> numbers(const std::string& key) const;
  std::int64_t length(const std::string& key) const;  // of an array; 1 for what is none

  const std::vector<GgufTensor>& tensors() const { return tensors_; }
  const GgufTensor* find(const std::string& name) const;
  // Decoded; throws when a value is NaN or infinite, or the dimensions are others (fastest first).
  std::vector<float> read(const std::string& name,
                          const std::vector<std::int64_t>& dimensions) const;
  // As it is stored; empty when this processor has no kernel for that.
  PackedMatrix packed(const std::string& name) const;

  [[noreturn]] void fail(const std::string& what) const { file_.fail(what); }

 private:
  enum Type : std::uint32_t {
    u8,
    i8,
    u16,
    i16,
    u32,
    i32,
    f32,
    boolean,
    string,
    array,
    u64,
    i64,
    f64,
    types
  };
  struct Value {
    Type type = types;  // of the elements, for an array
    bool is_array = false;
    std::uint64_t count = 1, at = 0;  // at: byte offset of the first element
  };
  Value read_value(ByteCursor& in, const std::string& key) const;
  void read_tensor(ByteCursor& in);
  void place_tensors(std::uint64_t data_at);
  const Value& value(const std::string& key, bool is_array) const;
  double number_at(const Value& v, std::uint64_t at) const;
  static std::uint64_t width(Type type);

  const MappedFile& file_;
  std::map<std::string, Value> metadata_;
  std::vector<GgufTensor> tensors_;
  std::map<std::string, std::size_t> by_name_;
};

}  // namespace terrace
