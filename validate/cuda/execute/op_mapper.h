// What each op of a step is on a GPU: calls of kernels on buffers. One member function a kind.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "validate/cuda/execute/attention_op.h"
#include "validate/cuda/execute/plan_writer.h"

namespace terrace::cuda {

class OpMapper {
 public:
  OpMapper(const Step& step, const Machine& machine, const PlanOptions& options, Plan& plan);
  // Writes the launches of an op. Throws NotExecutable.
  void map(OpVertex v, std::int64_t round);
  void finish() { writer_.finish(); }

 private:
  struct Bytes {
    double read = 0, written = 0;
  };
  const Op& op(OpVertex v) const { return step_.graph[v]; }
  Bytes hbm_bytes(const Op& op) const;
  int stream_of(const Op& op);
  Number number_of(const Op& op) const;
  std::string name(const char* what) const;  // "what of qkv_proj, round 3"
  void fate(Fate fate, const std::string& why);

  // op_mapper.cpp
  void gemm(const Op& op);
  void norm(const Op& op);
  void rope(const Op& op);
  void gate(const Op& op);
  void argmax(const Op& op);
  void elementwise(const Op& op);
  void gather(const Op& op);
  void stream(const Op& op, const std::string& why);
  Operand weight_of(const Op& op, std::size_t bytes);

  // map_attention.cpp
  struct Cache {  // of an attention op, in a round
    AttentionOp op;
    Number number = Number::bf16;
    Operand k, v, table, k_codes, k_scales, v_codes, v_scales;
    bool coded = false;  // then k and v are the newest tokens, a page a sequence: recent
    Operand recent;
  };
  OpVertex attention_of(OpVertex v) const;
  const Cache& cache_of(OpVertex attention);
  void append(const Cache& c);
  void decode(const Op& op);
  void prefill(const Op& op);
  void select(const Op& op);
  void codec(const Op& op);
  void compact(const Op& op);

  // map_copies.cpp
  void find_slots();
  void copy(const Op& op);
  void enter_layer(OpVertex v);

  struct Fetch {
    int slot = 0;        // counted on without end; modulo the number of slots
    std::size_t at = 0;  // where this tier's part of the layer begins
  };
  const Step& step_;
  const Machine& machine_;
  PlanOptions options_;
  Plan& plan_;
  PlanWriter writer_;
  OpVertex v_ = 0;
  std::map<std::pair<OpVertex, std::int64_t>, Cache> caches_;  // by attention op and round
  std::map<OpVertex, Fetch> fetches_;                          // copies of weights
  std::map<OpVertex, int> layer_groups_;  // first ops of layers, and the slot they wait for
  std::vector<Operand> slots_;
  int slot_ = -1;  // whose weights are being used; -1: the model's own
  std::size_t slot_at_ = 0;
  std::map<EngineId, int> stream_of_;
};

}  // namespace terrace::cuda
