// Fields of a KV-cache policy.
#include "workloads/kv/kv_policy.h"

#include <nlohmann/json.hpp>

#include "sim/scenario.h"
#include "workloads/kv/budget/budget_size.h"

namespace terrace {
namespace {

template <class P>
void eviction_fields(Schema<P>& s) {
  s.field("score", &P::score, "how important a token is to a head");
  s.field("budget", &P::budget, "how many tokens each layer and head may keep");
  s.field("compact", &P::compact, "what becomes of the tokens that must go");
  s.field("protect", &P::protect, "tokens that are never given up");
}
template <class P>
void composition_fields(Schema<P>& s) {
  eviction_fields(s);
  s.field("codec", &P::codec, "how keys and values are stored; a member by itself is for both");
  s.field("place", &P::place, "where tokens live, and which of them a step reads");
}

}  // namespace

void ProtectParams::fields(Schema<ProtectParams>& s) {
  using P = ProtectParams;
  s.field("sinks", &P::sinks, "first tokens of the sequence").at_least(0);
  s.field("recent", &P::recent, "last tokens").at_least(0);
  s.field("recent_share", &P::recent_share, "last tokens, as a share of the head's budget")
      .between(0.0, 1.0);
  s.field("special", &P::special, "tokens tagged special (BOS, role marks, …)");
}

void EvictionParams::fields(Schema<EvictionParams>& s) { eviction_fields(s); }

void CodecParams::fields(Schema<CodecParams>& s) {
  using P = CodecParams;
  s.field("keys", &P::keys, "of keys");
  s.field("values", &P::values, "of values");
  s.field("key_residual", &P::key_residual, "last tokens whose keys stay raw").at_least(0);
  s.field("value_residual", &P::value_residual, "last tokens whose values stay raw").at_least(0);
  s.field("key_batch", &P::key_batch, "tokens that wait until their keys are coded together")
      .at_least(1);
  s.field("value_batch", &P::value_batch, "tokens that wait until their values are coded together")
      .at_least(1);
  s.field("sinks", &P::sinks, "first tokens of the sequence that stay raw").at_least(0);
}

void CompositionParams::fields(Schema<CompositionParams>& s) { composition_fields(s); }

void CompositionParams::adapt(Node& mapping, Reader&) {
  Node* codec = mapping.find("codec");
  if (codec == nullptr) return;
  const bool one = codec->is_scalar() ? !is_file_reference(*codec)
                                      : codec->is_mapping() && codec->find("kind") != nullptr;
  if (!one) return;
  Node both = Node::mapping(codec->place());
  both.put("keys", *codec);
  both.put("values", *codec);
  mapping.put("codec", std::move(both));
}

void KvPolicy::fields(Schema<KvPolicy>& s) {
  using P = KvPolicy;
  s.field("paper", &P::paper, "who published it");
  s.field("note", &P::note, "what was chosen where the paper leaves a choice");
  composition_fields(s);
  s.field("decode", &P::decode, "eviction among generated tokens, apart from the prompt's");
  s.field("classes", &P::classes, "sorts heads into classes");
  s.field("of_class", &P::of_class, "what each class has instead of the above");
  s.field("group", &P::group, "how attention of the query heads of a KV head becomes one");
  s.field("heads_together", &P::heads_together, "the heads of a layer keep the same tokens");
  s.field("layers_together", &P::layers_together,
          "so many layers keep the tokens that the first of them chose")
      .at_least(1);
  s.field("interval", &P::interval,
          "decode steps from one eviction to the next; up to as many tokens more wait for it")
      .at_least(1);
  s.field("positions", &P::positions, "RoPE of keys: by their place in the text, or in the cache");
  s.field("page", &P::page, "tokens of a page of the cache").between(1, 1 << 16);
  s.field("heads_apart", &P::heads_apart,
          "a page holds a head's tokens in one stretch (HND); else a token's heads (NHD)");
}

std::string policy_hash(const KvPolicy& policy) {
  KvPolicy what = policy;
  what.paper.clear();
  what.note.clear();
  return sha1_hex(write(what).dump()).substr(0, 12);
}

namespace {
void check_protected(const EvictionParams& e, const std::string& at, Checker& c) {
  const auto* size = e.budget.params_as<BudgetSize>();
  if (size == nullptr || !size->tokens) return;
  const std::int64_t least = e.protect.sinks + e.protect.recent;
  if (*size->tokens < least)
    c.fail(at + "budget", std::to_string(*size->tokens) + " tokens are fewer than the " +
                              std::to_string(least) + " protected ones");
}
}  // namespace

void KvPolicy::check(Checker& c) const {
  check_protected(*this, "", c);
  if (decode) check_protected(*decode, "decode.", c);
  for (const auto& [name, composition] : of_class)
    check_protected(composition, "of_class." + name + ".", c);
  if (!of_class.empty() && classes.empty())
    c.fail("of_class", "needs `classes`, which sorts the heads");
}

}  // namespace terrace
