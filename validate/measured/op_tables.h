// What the operator tables of ai-dynamo/aiconfigurator have in common: names of files, rows, and
// which rows are taken.
#pragma once

#include <functional>
#include <string>

#include "validate/measured/measured_set.h"
#include "validate/measured/op_bench.h"
#include "validate/measured/table.h"

namespace terrace::validate {

struct OpTable {
  std::string path, file;  // whole, and below the data folder
  const TableGpu* gpu = nullptr;
  std::string kind, library, version;  // "gemm", "vllm", "0.24.0"
  std::string family(const std::string& rest) const;
};

// Calls `each` for every table of that kind in ops/. Files of GPUs without a config are left out.
void each_table(const MeasuredSet::Task& task, const std::string& kind, const std::string& file,
                const std::function<void(const OpTable&)>& each);

// A row of such a table; latency in ms.
MeasuredRow row_of(const OpTable& table, int line, double milliseconds);

const std::vector<std::string>& ignored_columns();  // that say where a row comes from

}  // namespace terrace::validate
