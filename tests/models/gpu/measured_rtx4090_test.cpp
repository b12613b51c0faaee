// An RTX 4090, to which no constant was fitted, against a public profile of vLLM's kernels on one.
#include <catch2/catch.hpp>
#include <fstream>
#include <map>
#include <sstream>

#include "tests/models/gpu/gpu_toolbox.h"
#include "tests/models/gpu/measured_tables.h"

using namespace terrace;
using namespace terrace::gpu_test;

namespace {

constexpr TierId hbm = 0;

struct Row {
  std::string op, shape;
  double m = 0, us = 0;
};

std::vector<Row> rows_of(const std::string& hardware) {
  const std::string file = shared_data() + "/measured/ops_sample.csv";
  std::ifstream in(file);
  if (!in) throw std::runtime_error(file + " is missing");
  std::vector<Row> rows;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
    if (cells.size() > 17 && cells[1] == hardware)
      rows.push_back(
          {cells[3], cells[4], std::atof(cells[6].c_str()), std::atof(cells[17].c_str())});
  }
  return rows;
}

double number_after(const std::string& text, const std::string& key) {
  const auto at = text.find(key + "=");
  return at == std::string::npos ? 0 : std::atof(text.c_str() + at + key.size() + 1);
}

}  // namespace

TEST_CASE("Llama-3.1-8B's matrices on an RTX 4090", "[gpu][shared]") {
  if (shared_data().empty()) {
    WARN("skipped: no shared data");
    return;
  }
  const std::map<std::string, std::pair<double, double>> shapes = {
      {"layer:qkv_proj", {6144, 4096}},
      {"layer:o_proj", {4096, 4096}},
      {"layer:gate_up_proj", {28672, 4096}},
      {"layer:down_proj", {4096, 14336}}};
  const KernelLibrary kernels(params("rtx4090"));
  Errors e;
  for (const Row& r : rows_of("RTX4090-24G")) {
    const auto shape = shapes.find(r.op);
    if (shape == shapes.end() || r.shape.find("tp1") == std::string::npos) continue;
    const auto [n, k] = shape->second;
    Op op = gemm_op(r.m, n, k);
    op.reads(hbm, n * k * 2);  // a whole model passes between two uses
    op.reads(hbm, r.m * k * 2, r.m * k * 2);
    op.writes(hbm, r.m * n * 2, r.m * n * 2);
    e.add(kernels.time(op, hbm).seconds() * 1e6, r.us);
  }
  std::printf("  %-44s %s\n", "rtx4090 gemm", e.text().c_str());
  INFO(e.text());
  CHECK(e.all.size() >= 8);
  CHECK(e.size(0.5) < 0.07);
  CHECK(e.size(1) < 0.2);
}

TEST_CASE("launches that mix a prefill chunk with decoding sequences on an RTX 4090",
          "[gpu][shared]") {
  if (shared_data().empty()) {
    WARN("skipped: no shared data");
    return;
  }
  const KernelLibrary kernels(params("rtx4090"));
  Errors e;
  for (const Row& r : rows_of("RTX4090-24G")) {
    if (r.op != "attention_mixed_batch") continue;
    const double chunk = number_after(r.shape, "chunk"), past = number_after(r.shape, "kv_prefill");
    const double n = number_after(r.shape, "n_decode"), kv = number_after(r.shape, "kv_decode");
    if (chunk == 0) continue;
    Op op;
    op.kind = OpKind::attention_prefill;
    op.label = "attention";
    op.in_graph = true;
    AttentionShape& a = op.attention;
    a.sequences = n + 1;
    a.q_heads = 32;
    a.kv_heads = 8;
    a.head_dim = a.value_dim = 128;
    a.query_tokens = chunk + n;
    a.kv_tokens = past + chunk + n * kv;
    a.pairs = chunk * past + chunk * (chunk + 1) / 2 + n * kv;
    a.longest_kv = std::max(past + chunk, n > 0 ? kv : 0);
    a.decode_sequences = n;
    a.decode_kv_tokens = n * kv;
    op.flops = 4 * a.pairs * 32 * 128;
    op.reads(hbm, a.kv_tokens * 4096, a.kv_tokens * 4096);
    e.add(kernels.time(op, hbm).seconds() * 1e6, r.us);
  }
  std::printf("  %-44s %s\n", "rtx4090 mixed attention", e.text().c_str());
  INFO(e.text());
  CHECK(e.all.size() >= 30);
  CHECK(e.size(0.5) < 0.16);
}

TEST_CASE("norms, rotary embedding and activations on an RTX 4090 stay within a factor of two",
          "[gpu][shared]") {
  if (shared_data().empty()) {
    WARN("skipped: no shared data");
    return;
  }
  const std::map<std::string, double> bytes_a_token = {
      {"layer:act_fn", (28672 + 14336) * 2},  // gate and up in, their product out
      {"layer:layernorm", 4 * 4096 * 2},      // input and residual in and out
      {"layer:final_layernorm", 4 * 4096 * 2},
      {"layer:rotary_emb", 2 * 5120 * 2}};  // queries and keys in place
  const KernelLibrary kernels(params("rtx4090"));
  Errors e;
  for (const Row& r : rows_of("RTX4090-24G")) {
    const auto bytes = bytes_a_token.find(r.op);
    if (bytes == bytes_a_token.end()) continue;
    Op op;
    op.label = "elementwise";
    op.in_graph = true;
    const double total = r.m * bytes->second;
    op.reads(hbm, total, total);
    const double us = kernels.time(op, hbm).seconds() * 1e6;
    std::printf("    %-24s %6.0f tokens %8.1f us measured %8.1f\n", r.op.c_str(), r.m, us, r.us);
    e.add(us, r.us);
  }
  std::printf("  %-44s %s\n", "rtx4090 elementwise", e.text().c_str());
  INFO(e.text());
  CHECK(e.size(0.5) < 0.5);
  CHECK(e.size(1) < 1);
}
