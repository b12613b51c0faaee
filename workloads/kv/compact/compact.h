// The family of those who say what becomes of the tokens that must go.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/registry.h"
#include "workloads/kv/events.h"
#include "workloads/kv/head_cache.h"

namespace terrace {

// Who should stay by score and protection. Slots are ascending.
struct Verdict {
  std::vector<std::int32_t> stay, go;
  const float* scores = nullptr;           // of every entry
  std::vector<std::uint8_t> is_protected;  // of every entry: must survive; changed only by CaM
};

// One for each KV head.
class KvCompact {
 public:
  using Context = MemberContext;
  static constexpr const char* family = "compact";
  static constexpr const char* meaning = "what becomes of the tokens that must go";

  struct Work {
    double flops = 0;      // of this compaction
    double rewritten = 0;  // entries that changed
  };

  virtual ~KvCompact() = default;
  // May change entries (rewrite, weigh, store) and name other survivors than verdict.stay; as many
  // of level 0 at most, and all that are protected. What is not among the survivors is dropped.
  // An entry of another level (demoted, a stand-in for many) is not counted and not judged again.
  virtual Work compact(HeadCache& cache, const Verdict& verdict,
                       std::vector<std::int32_t>& survivors) = 0;
  virtual void kept(const std::vector<std::int32_t>& /*slots*/) {}  // these stay, in this order
  // What it holds beside the entries may take part in attention: for one query (scaled, after
  // RoPE), adds to sum of exp(logit - shift) v and to sum of exp(logit - shift).
  virtual bool has_residue() const { return false; }
  virtual double residue_shift(const float* /*query*/) const { return -1e30; }  // its largest logit
  virtual void residue(const float* /*query*/, float /*shift*/, float* /*numerator*/,
                       double& /*denominator*/) const {}
  virtual double bits() const { return 0; }            // held beside the entries
  virtual double bits_per_entry() const { return 0; }  // weights, tags
};

}  // namespace terrace
