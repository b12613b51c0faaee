// What can be said about the KV cache: its format, and the tiers below HBM that keep what HBM gives
// up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/format_names.h"
#include "sim/registry.h"
#include "workloads/kv/kv_policy.h"
#include "workloads/llm/kv_timing.h"
#include "workloads/serving/eviction/eviction.h"

namespace terrace {

enum class KvFormat : std::uint8_t { automatic, fp32, bf16, fp16, fp8, int8, fp4, int4 };
template <>
struct EnumNames<KvFormat> {
  static constexpr std::pair<const char*, KvFormat> values[] = {
      {"auto", KvFormat::automatic}, {"fp32", KvFormat::fp32}, {"bf16", KvFormat::bf16},
      {"fp16", KvFormat::fp16},      {"fp8", KvFormat::fp8},   {"int8", KvFormat::int8},
      {"fp4", KvFormat::fp4},        {"int4", KvFormat::int4}};
};
std::optional<Format> format_of(KvFormat format);  // nothing for `auto`

// Which blocks a tier takes in: every one that becomes full in HBM, at once (write-through, as
// vLLM's OffloadingConnector), or those that the tier above gives up.
enum class Intake : std::uint8_t { automatic, full_blocks, evicted };
template <>
struct EnumNames<Intake> {
  static constexpr std::pair<const char*, Intake> values[] = {
      {"auto", Intake::automatic}, {"new", Intake::full_blocks}, {"evicted", Intake::evicted}};
};

struct CacheTierParams {
  std::string tier;
  std::optional<Bytes> capacity;
  Choice<Eviction> policy = Choice<Eviction>::of("lru");
  Intake takes = Intake::automatic;
  bool shared = false, staged = false;
  static void fields(Schema<CacheTierParams>& s);
};

struct KvParams {
  KvFormat format = KvFormat::automatic;
  std::vector<CacheTierParams> tiers;
  std::int64_t chunk_blocks = 1;
  bool infinite_reference = false;
  std::optional<KvPolicy> policy;
  FilePath trace;        // what the policy is measured on
  bool quality = false;  // … its attention's error too
  FilePath calibration;  // a trace that it learns from; none: `trace`
  std::string lower;     // the tier below of a policy that has one; empty: the first host's memory
  KvMover mover = KvMover::automatic;
  static void fields(Schema<KvParams>& s);
  void check(Checker& c) const;
};

}  // namespace terrace
