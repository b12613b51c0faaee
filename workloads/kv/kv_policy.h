// A KV-cache policy as written in YAML: members of the five families and how they work together.
// A preset (configs/kv/NAME.yaml) is one of these with its paper.
//
// How systems are said: eviction = score + budget; merging = compact; quantisation, low rank,
// sharing between layers, X caches = codec; retrieval and offload = place; mixed precision =
// compact: demote; a policy for each kind of head = classes + of_class; one for generated tokens =
// decode.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "workloads/kv/budget/budget.h"
#include "workloads/kv/classes/classes.h"
#include "workloads/kv/codec/codec.h"
#include "workloads/kv/compact/compact.h"
#include "workloads/kv/place/place.h"
#include "workloads/kv/score/score.h"

namespace terrace {

// Tokens that are never given up: the first of the sequence, the last, and those tagged special.
struct ProtectParams {
  std::int64_t sinks = 0, recent = 0;
  double recent_share = 0;  // of the head's budget, where that is more than `recent`
  bool special = false;
  static void fields(Schema<ProtectParams>& s);
};

struct EvictionParams {
  Choice<KvScore> score = Choice<KvScore>::of("recency");
  Choice<KvBudget> budget = Choice<KvBudget>::of("uniform");
  Choice<KvCompact> compact = Choice<KvCompact>::of("drop");
  ProtectParams protect;
  static void fields(Schema<EvictionParams>& s);
};

// Codecs of keys and values. Of the entries that are still raw, the `sinks` first of the sequence
// and the `residual` last stay so; of the others, `batch` or more are coded together.
struct CodecParams {
  Choice<KvCodec> keys = Choice<KvCodec>::of("none"), values = Choice<KvCodec>::of("none");
  std::int64_t key_residual = 0, value_residual = 0, key_batch = 1, value_batch = 1, sinks = 0;
  static void fields(Schema<CodecParams>& s);
};

struct CompositionParams : EvictionParams {
  CodecParams codec;
  Choice<KvPlace> place = Choice<KvPlace>::of("resident");
  static void fields(Schema<CompositionParams>& s);
  static void adapt(Node& mapping, Reader& reader);  // `codec: fp8` is that of keys and values
};

enum class GroupReduce : std::uint8_t { mean, max };
template <>
struct EnumNames<GroupReduce> {
  static constexpr std::pair<const char*, GroupReduce> values[] = {{"mean", GroupReduce::mean},
                                                                   {"max", GroupReduce::max}};
};
enum class KeyPositions : std::uint8_t { original, cache };
template <>
struct EnumNames<KeyPositions> {
  static constexpr std::pair<const char*, KeyPositions> values[] = {
      {"original", KeyPositions::original}, {"cache", KeyPositions::cache}};
};

struct KvPolicy : CompositionParams {
  std::string paper, note;
  std::optional<EvictionParams> decode;  // for generated tokens, which then count apart
  Choice<KvClasses> classes;
  std::map<std::string, CompositionParams> of_class;
  GroupReduce group = GroupReduce::mean;  // attention of the query heads of a KV head
  bool heads_together = false;            // the heads of a layer keep the same tokens
  std::int64_t layers_together = 1;       // so many layers keep what the first of them chose
  std::int64_t interval = 1;              // decode steps from one eviction to the next
  KeyPositions positions = KeyPositions::original;  // RoPE by place in the text, or in the cache
  std::int64_t page = 16;
  bool heads_apart = true;

  static void fields(Schema<KvPolicy>& s);
  void check(Checker& c) const;
  PageLayout layout() const { return {page, heads_apart}; }
};

// 12 hexadecimal digits of what the policy does: neither its paper nor its note counts.
std::string policy_hash(const KvPolicy& policy);

}  // namespace terrace
