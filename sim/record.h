// What one run leaves behind: enough to ask it in SQL, to explain it, and to run it again.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sim/units.h"

namespace terrace {

struct Stat {        // a number with its unit and a sentence
  std::string name;  // "gpu0.hbm.read_bytes", "ttft.p50"
  std::string unit;  // "B", "s", "tokens/s", "1"
  std::string meaning;
  double value = 0;
};

struct OpBreakdown {  // one row per op label
  std::string label, kind, bottleneck;
  std::int64_t count = 0;
  double seconds = 0, flops = 0, read_bytes = 0, written_bytes = 0;
  double bound_seconds = 0;  // roofline: the least time this machine could need for it
};

struct TierTraffic {
  std::string tier;
  double read_bytes = 0, written_bytes = 0, joules = 0, busy_fraction = 0, capacity_bytes = 0,
         peak_bytes = 0;
};

struct Share {        // where the time went; all shares of a run add up to 1
  std::string cause;  // "compute", "gpu.hbm", "launch", "queueing", "idle", …
  double fraction = 0, seconds = 0;
};

struct RequestRow {
  std::int64_t id = 0;
  double arrival = 0, scheduled = 0, first_token = 0, finished = 0;  // s since the start
  std::int64_t input_tokens = 0, output_tokens = 0, cached_tokens = 0, preemptions = 0;
  std::int32_t replica = 0;
};

struct SeriesPoint {
  double at = 0, value = 0;
};
struct Series {  // a quantity over simulated time
  std::string name, unit;
  std::vector<SeriesPoint> points;
};

class Record {
 public:
  // identity
  std::string name, scenario, scenario_hash, code_version, backend = "simulate";
  std::uint64_t seed = 0;
  std::string kv_policy;  // hash of the KV-cache policy; empty: the full cache
  // outcome
  double simulated_seconds = 0;
  std::vector<Stat> stats;
  std::vector<OpBreakdown> ops;
  std::vector<TierTraffic> tiers;
  std::vector<Share> shares;
  std::vector<RequestRow> requests;
  std::vector<Series> series;
  std::vector<std::string>
      remarks;  // what a reader must know: symmetric ranks folded, assumed parameters
  // not part of the record's bytes: differs from run to run
  double wall_seconds = 0;
  double peak_memory_bytes = 0;

  void stat(std::string stat_name, double value, std::string unit, std::string meaning);
  const Stat* find(const std::string& stat_name) const;
  std::string to_json() const;  // canonical: equal runs give equal bytes; wall time left out
};

}  // namespace terrace
