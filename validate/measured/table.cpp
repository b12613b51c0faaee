// Reading tables of measurements. Source of the packed form: zlib's gzip file functions.
#include "validate/measured/table.h"

#include <zlib.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <memory>

#include "sim/registry.h"

namespace terrace::validate {

std::string contents(const std::string& file) {
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(gzopen(file.c_str(), "rb"), gzclose);
  if (!in) throw BuildError("", file + ": cannot be read");
  std::string all;
  char part[1 << 16];
  int got = 0;
  while ((got = gzread(in.get(), part, sizeof part)) > 0)
    all.append(part, static_cast<std::size_t>(got));
  int error = Z_OK;
  const char* why = gzerror(in.get(), &error);
  if (got < 0 || (error != Z_OK && error != Z_STREAM_END))
    throw BuildError("", file + ": cannot be unpacked: " + why);
  return all;
}

Table::Table(const std::string& file, Columns columns, const std::vector<std::string>& ignored)
    : Table(file, contents(file), std::move(columns), ignored) {}

Table::Table(std::string name, std::string text, Columns columns,
             const std::vector<std::string>& ignored)
    : text_(std::move(name), std::move(text)), csv_(text_, std::move(columns), ignored) {}

double Table::number(std::size_t column, double least) {
  constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
  const std::string_view cell = csv_.cell(column);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (error != std::errc() || end != cell.data() + cell.size() || !std::isfinite(value)) {
    csv_.fail(column, "must be a number, is " + quote(cell));
    return nothing;
  }
  if (value < least) {
    csv_.fail(column, "must not be below " + std::to_string(least));
    return nothing;
  }
  return value;
}

}  // namespace terrace::validate
