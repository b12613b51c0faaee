// Reading tables of measurements: cells, places of mistakes, packed files.
#include <zlib.h>

#include <catch2/catch.hpp>
#include <cmath>
#include <filesystem>

#include "sim/registry.h"
#include "validate/measured/e2e_row.h"
#include "validate/measured/table.h"

using namespace terrace;
using namespace terrace::validate;

namespace {

const Table::Columns columns = {{"m"}, {"latency"}, {"window", false}};

std::string mistakes_of(const std::function<void()>& read) {
  try {
    read();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

const std::string header =
    "source,hardware,n_gpu,model,dtype,workload,input_len,output_len,batch_or_rate,metric,value,"
    "unit,citation\n";

}  // namespace

TEST_CASE("cells are found by the names of their columns, in any order", "[validate][measured]") {
  Table table("t.csv", "latency,m\n0.5,128\n0.25,1\n", columns);
  REQUIRE(table.next());
  CHECK(table.number(0) == 128);
  CHECK(table.number(1) == 0.5);
  CHECK_FALSE(table.has(2));
  CHECK(table.text(2).empty());
  REQUIRE(table.next());
  CHECK(table.line() == 3);
  CHECK_FALSE(table.next());
  table.raise();
}

TEST_CASE("every bad cell of a table is told with its line and column", "[validate][measured]") {
  const std::string told = mistakes_of([] {
    Table table("t.csv", "m,latency\nx,1\n2,-1\n3,4\n5,6s\n", columns);
    while (table.next()) {
      table.number(0);
      table.number(1);
    }
    table.raise();
  });
  CHECK(told.find("t.csv:2:1: column \"m\": must be a number, is \"x\"") != std::string::npos);
  CHECK(told.find("t.csv:3:3: column \"latency\": must not be below 0") != std::string::npos);
  CHECK(told.find("t.csv:5:3: column \"latency\": must be a number, is \"6s\"") !=
        std::string::npos);
}

TEST_CASE("a table without a column that is needed, or with an unknown one, is a mistake",
          "[validate][measured]") {
  CHECK(mistakes_of([] {
          Table("t.csv", "m\n1\n", columns);
        }).find("column \"latency\": missing") != std::string::npos);
  CHECK(mistakes_of([] {
          Table("t.csv", "m,latencies\n1,2\n", columns);
        }).find("t.csv:1:3: unknown column \"latencies\". did you mean \"latency\"?") !=
        std::string::npos);
}

TEST_CASE("a packed table reads like a plain one", "[validate][measured]") {
  const auto file = std::filesystem::temp_directory_path() / "terrace_table_test.csv.gz";
  const std::string text = "m,latency\n7,8\n";
  const gzFile out = gzopen(file.c_str(), "wb");
  REQUIRE(gzwrite(out, text.data(), static_cast<unsigned>(text.size())) ==
          static_cast<int>(text.size()));
  gzclose(out);
  CHECK(contents(file) == text);
  Table table(file.string(), columns);
  REQUIRE(table.next());
  CHECK(table.number(1) == 8);
  std::filesystem::remove(file);
  CHECK_THROWS_AS(contents(file), BuildError);
}

TEST_CASE("a row of end-to-end measurements keeps its lengths, load and place",
          "[validate][measured]") {
  Table table("e2e.csv",
              header + "vLLM,H100,4,Llama,fp8,static,128,,0.5 req/s; n=40,ttft,12.5,ms,a paper\n",
              e2e_columns());
  const std::vector<E2eRow> rows = read_e2e(table, "e2e.csv");
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].line == 2);
  CHECK(rows[0].gpus == 4);
  CHECK(rows[0].input_tokens == 128);
  CHECK(rows[0].output_tokens == 0);
  CHECK(rows[0].number_of(" req/s") == 0.5);
  CHECK(rows[0].number_of("n=") == 40);
  CHECK(rows[0].number_of("batch=") == 0);
  CHECK(rows[0].value == 12.5);
}

TEST_CASE("a bad row of end-to-end measurements is told with its place", "[validate][measured]") {
  const std::string told = mistakes_of([] {
    Table table("e2e.csv", header + "vLLM,H100,four,Llama,fp8,static,128,1,,ttft,fast,ms,a paper\n",
                e2e_columns());
    read_e2e(table, "e2e.csv");
  });
  CHECK(told.find("e2e.csv:2:11: column \"n_gpu\": must be a number, is \"four\"") !=
        std::string::npos);
  CHECK(told.find("e2e.csv:2:45: column \"value\": must be a number, is \"fast\"") !=
        std::string::npos);
}
