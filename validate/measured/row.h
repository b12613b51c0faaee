// A number measured on real hardware, as tables of measurements have it.
#pragma once

#include <cstdint>
#include <string>

namespace terrace::validate {

struct MeasuredRow {
  std::string file;  // below the folder of measurements
  int line = 0;
  std::string source, hardware;
  int gpus = 1;
  std::string model, dtype;  // empty where it has none
  std::string what;          // op or metric
  std::string shape;         // sizes of the op, or lengths and batch of the run
  double value = 0;
  std::string unit, citation;

  std::string name() const;  // one line that a person finds it by
};

// Where a row belongs in the tables of errors.
struct RowClass {
  enum class Section : std::uint8_t { operators, runs } section = Section::operators;
  std::string family, op, size;
};

}  // namespace terrace::validate
