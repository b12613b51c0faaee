// What is wrong with a model, a trace or a text: one line, `file: what`.
#pragma once

#include <stdexcept>
#include <string>

namespace terrace {

struct CaptureError : std::runtime_error {
  CaptureError(const std::string& file, const std::string& what)
      : std::runtime_error(file + ": " + what) {}
};

}  // namespace terrace
