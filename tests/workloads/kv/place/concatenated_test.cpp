// What a plain loop does to a cache at every step.
#include <catch2/catch.hpp>

#include "tests/workloads/kv/harness.h"

using namespace terrace;

TEST_CASE("a loop that concatenates copies all it has, once more for every query head") {
  // 1 layer, 2 KV heads of 2 query heads each; 88 tokens of prompt, then 8 steps.
  const RandomTrace trace(1, {96, 1, 4, 2, 16, 32, true});
  Walk how;
  how.prompt = 88;
  how.steps = 8;
  double read = 0, written = 0, attended = 0, probabilities = 0;
  walk(policy_of("{place: concatenated}"), trace, how,
       [&](const PolicyCache& cache, std::int64_t, const auto&) {
         read = written = attended = probabilities = 0;
         for (const PlanItem& i : cache.plan()) {
           if (i.work == KvWork::compact) (i.writes ? written : read) += i.bytes;
           if (i.work == KvWork::attend) attended += i.bytes;
           if (i.work == KvWork::probabilities && i.writes) probabilities += i.bytes;
         }
       });
  double tokens = 88;  // and 89, 90, … 96
  for (int n = 89; n <= 96; ++n) tokens += n;
  const double entry = 2 * 16 * 2, heads = 2;
  // The old to be one longer, but in the prompt, and all to be copied.
  CHECK(read == Approx(heads * entry * (tokens - 88 - 8 + tokens)));
  CHECK(written == Approx(heads * entry * 3 * tokens));
  CHECK(attended == Approx(heads * entry * 2 * tokens));
  // Logits, then probabilities: of 88 queries, then of one at a time.
  CHECK(probabilities == Approx(heads * 2 * 4 * (88 * 88 + tokens - 88)));
}
