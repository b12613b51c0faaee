// Finding operator tables: ops/GPU__KIND__LIBRARY__VERSION__FILE_perf.csv.gz.
#include "validate/measured/op_tables.h"

#include <algorithm>
#include <filesystem>

namespace terrace::validate {
namespace {

std::vector<std::string> parts_of(const std::string& name) {
  std::vector<std::string> parts;
  std::size_t from = 0, at = 0;
  for (; (at = name.find("__", from)) != std::string::npos; from = at + 2)
    parts.push_back(name.substr(from, at - from));
  parts.push_back(name.substr(from));
  return parts;
}

}  // namespace

std::string OpTable::family(const std::string& rest) const {
  return kind + ", " + library + " " + version + (rest.empty() ? "" : ", " + rest);
}

void each_table(const MeasuredSet::Task& task, const std::string& kind, const std::string& file,
                const std::function<void(const OpTable&)>& each) {
  namespace fs = std::filesystem;
  const std::string folder = task.data + "ops";
  if (!fs::is_directory(folder)) throw BuildError("", folder + ": no such folder");
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  std::sort(names.begin(), names.end());
  for (const std::string& name : names) {
    const std::vector<std::string> parts = parts_of(name);
    if (parts.size() != 5 || parts[1] != kind || parts[4] != file + "_perf.csv.gz") continue;
    OpTable table{
        folder + "/" + name, "ops/" + name, table_gpu(parts[0]), kind, parts[2], parts[3]};
    if (table.gpu == nullptr)
      task.errors.left_out(table.family(""), "no config of " + parts[0]);
    else
      each(table);
  }
}

MeasuredRow row_of(const OpTable& table, int line, double milliseconds) {
  MeasuredRow row;
  row.file = table.file;
  row.line = line;
  row.source = "aiconfigurator " + table.library + " " + table.version;
  row.hardware = table.gpu->hardware;
  row.value = milliseconds;
  row.unit = "ms";
  row.citation = "ai-dynamo/aiconfigurator";
  return row;
}

const std::vector<std::string>& ignored_columns() {
  static const std::vector<std::string> names = {"framework", "version", "device", "op_name",
                                                 "implementation"};
  return names;
}

}  // namespace terrace::validate
