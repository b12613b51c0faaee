// The family of those who choose a replica for each request, when it arrives.
#pragma once

#include <cstdint>
#include <vector>

#include "workloads/requests/request.h"

namespace terrace {

struct ReplicaLoad {
  std::int64_t waiting = 0, running = 0;  // requests
  std::int64_t cached_tokens =
      0;  // of this request's prompt, in its HBM; only where wants_cached()
};

class Router {
 public:
  struct Context {
    std::uint64_t seed = 0;
  };
  static constexpr const char* family = "router";
  static constexpr const char* meaning = "which replica gets a request";

  virtual ~Router() = default;
  virtual bool wants_cached() const { return false; }
  virtual std::size_t choose(const Request& request, const std::vector<ReplicaLoad>& replicas) = 0;
};

}  // namespace terrace
