// Fields of the KV cache.
#include "workloads/serving/kv_params.h"

#include <string>

namespace terrace {

std::optional<Format> format_of(KvFormat format) {
  switch (format) {
    case KvFormat::automatic:
      return std::nullopt;
    case KvFormat::fp32:
      return Format::fp32;
    case KvFormat::bf16:
      return Format::bf16;
    case KvFormat::fp16:
      return Format::fp16;
    case KvFormat::fp8:
      return Format::fp8;
    case KvFormat::int8:
      return Format::int8;
    case KvFormat::fp4:
      return Format::fp4;
    case KvFormat::int4:
      return Format::int4;
  }
  return std::nullopt;
}

void CacheTierParams::fields(Schema<CacheTierParams>& s) {
  using P = CacheTierParams;
  s.field("tier", &P::tier, "a memory of the machine, such as host0.dram").required().not_empty();
  s.field("capacity", &P::capacity,
          "bytes of it for KV blocks of all replicas together; none: all that is free")
      .above(Bytes(0));
  s.field("policy", &P::policy, "what it gives up when it is full");
  s.field("takes", &P::takes,
          "every block that becomes full in HBM, or those the tier above gives up; auto: new for "
          "the first");
  s.field("shared", &P::shared,
          "one cache for all replicas; else each has an equal part of its own");
  s.field("staged", &P::staged,
          "a chunk of all layers is gathered and copied in one piece (LMCache, or vLLM's "
          "cross-layer layout); "
          "else K and V of each layer and block apart (vLLM's OffloadingConnector)");
}

void KvParams::fields(Schema<KvParams>& s) {
  using P = KvParams;
  s.field("format", &P::format, "of cached keys and values; auto: the model's");
  s.field("tiers", &P::tiers, "prefix cache below HBM, nearest first");
  s.field("chunk_blocks", &P::chunk_blocks, "blocks that the tiers store and find as one")
      .between(1, 1 << 16);
  s.field("infinite_reference", &P::infinite_reference,
          "also counts the hits of a cache that never forgets, in order of arrival");
  s.field("policy", &P::policy, "what is kept, how it is stored, and which of it a step reads");
  s.field(
      "trace", &P::trace,
      "a captured trace that the policy's work is measured on; none: from its arithmetic, where "
      "that does not depend on the text");
  s.field("quality", &P::quality,
          "also measures on the trace what the policy does to attention: kv.quality.*");
  s.field("calibration", &P::calibration,
          "a captured trace that the policy learns from; none: the one it is measured on");
  s.field("lower", &P::lower,
          "the memory that the policy's lower tier is; none: the first *.dram of the machine");
  s.field("mover", &P::mover,
          "what moves entries to it and from it: the GPU's copy engines run by run, a kernel that "
          "loads and stores over the link, or the faster of the two");
}

void KvParams::check(Checker& c) const {
  if (trace.empty() && quality) c.fail("quality", "is measured on a trace; name one");
  if (trace.empty() && !calibration.empty())
    c.fail("calibration", "is for what is measured on a trace; name one");
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    const std::string at = "tiers[" + std::to_string(i) + "].";
    if (i == 0 && tiers[i].takes == Intake::evicted)
      c.fail(at + "takes", "the tier above is HBM, which gives up blocks without a copy; use new");
    for (std::size_t j = 0; j < i; ++j)
      if (tiers[j].tier == tiers[i].tier)
        c.fail(at + "tier", "\"" + tiers[i].tier + "\" is there twice");
    if (i > 0 && tiers[i].takes != Intake::full_blocks && tiers[i - 1].shared && !tiers[i].shared)
      c.fail(at + "shared", "must be true where it takes what a shared tier gives up");
  }
}

}  // namespace terrace
