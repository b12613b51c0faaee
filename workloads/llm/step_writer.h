// Writes the ops of a step in the order they run. The first time the graph grows; after that the
// same calls only rewrite its numbers, so a step costs no allocation. Finds the reuse distance of
// every access.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/op_graph.h"
#include "workloads/llm/parallel.h"

namespace terrace {

// Activations by the memory they live in: layer after layer, a framework's allocator gives the same
// addresses to the same role. Two accesses to one buffer on one engine are a reuse.
enum class Buffer : std::uint8_t {
  hidden,
  beside,
  residual,
  normed,
  quantized,
  qkv,
  keys,
  latents,
  expanded,
  absorbed,
  latent_out,
  attended,
  gate_up,
  activated,
  router,
  routes,
  expert_up,
  expert_activated,
  expert_out,
  shared,
  selected,
  logits,
  scores,
  noise,
};

class StepWriter {
 public:
  static constexpr double everything = std::numeric_limits<double>::infinity();

  void rewind();  // before the first op of a step
  void run_on(const StagePlace& place) { place_ = place; }
  void in_graph(bool captured) { in_graph_ = captured; }

  // The next op: after the one before it, on the compute engine. What follows describes it.
  Op& op(OpKind kind, const char* label, Format format);
  // An op beside the chain, on another engine, which waits for what after() says.
  Op& aside(OpKind kind, const char* label, EngineId engine);
  void after(OpVertex earlier);  // the op being written waits for that one, too
  void link(const std::vector<OpVertex>& earlier, OpVertex later);
  OpVertex written() const { return next_ - 1; }  // the op being written
  OpVertex chained() const { return tail_; }      // the last op of the chain

  void reads(Buffer buffer, double bytes, double run = everything) {
    touch(Direction::read, place_.hbm, buffer, bytes, run, false);
  }
  void writes(Buffer buffer, double bytes, double run = everything) {
    touch(Direction::write, place_.hbm, buffer, bytes, run, false);
  }
  // Memory that nothing touched since the last step: weights, cached keys and values, another tier.
  void streams(double bytes, double run = everything) {
    streams(Direction::read, place_.hbm, bytes, run);
  }
  void streams(Direction direction, TierId tier, double bytes, double run = everything) {
    touch(direction, tier, Buffer::hidden, bytes, run, true);
  }

  void begin_body(std::int64_t times);  // ops until end_body() run that many times over
  void end_body();
  void finish();  // after the last op: reuse distances

  Step step;

 private:
  struct Touch {
    EngineId engine = none;
    Buffer buffer = Buffer::hidden;
    bool fresh = false;
  };
  struct Spot {
    std::uint32_t vertex;
    std::int32_t access;
  };
  struct Body {
    std::size_t first = 0, last = 0;
    bool repeats = false;
  };
  struct Window {
    std::uint32_t first = 0, last = 0;
    bool never = true;
  };

  Op& begin(OpKind kind, const char* label, EngineId engine);
  void touch(Direction direction, TierId tier, Buffer buffer, double bytes, double run, bool fresh);
  void find_windows();

  StagePlace place_;
  bool in_graph_ = false, grown_ = false;
  OpVertex next_ = 0, tail_ = OpGraph::null_vertex();
  Op* op_ = nullptr;
  std::vector<Touch> touches_;
  std::vector<Body> bodies_;
  std::vector<Spot> spots_;    // by touch: where its access is this time; none if it has no bytes
  std::vector<double> bytes_;  // by touch
  std::vector<Window>
      windows_;  // by touch: which touches lie between it and the one before, distinct buffers once
  std::vector<std::uint32_t> between_;
};

}  // namespace terrace
