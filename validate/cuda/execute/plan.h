// How a step runs on one GPU: its ops as calls of kernels on streams, their waits, and the memory
// they need. Made without a GPU; run.h runs it.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <vector>

#include "sim/machine.h"
#include "sim/op_graph.h"
#include "validate/cuda/kernels/call.h"

namespace terrace::cuda {

enum class Space : std::uint8_t { device, pinned };  // pinned: host memory copy engines reach

struct PlanBuffer {
  std::string name;
  Space space = Space::device;
  std::size_t bytes = 0;
  std::vector<std::byte> contents;  // tables and lengths; empty: random numbers
  bool shared = false;              // what lives at other times may lie in the same place
  int first = -1, last = -1;        // launches that use it
  std::size_t offset = 0;           // in its space
};

struct Operand {  // part of a buffer
  int buffer = -1;
  std::size_t offset = 0, bytes = 0;
};

struct OperandUse {
  Operand operand;
  Use use = Use::read;
};

// Where the spaces begin.
struct Bases {
  std::byte* device = nullptr;
  std::byte* pinned = nullptr;
};

struct Plan;
class Addresses {
 public:
  Addresses(const Plan& plan, Bases bases) : plan_(plan), bases_(bases) {}
  std::byte* operator()(const Operand& o) const;
  template <class T>
  T* as(const Operand& o) const {
    return reinterpret_cast<T*>((*this)(o));
  }

 private:
  const Plan& plan_;
  Bases bases_;
};

struct PlannedLaunch {
  OpVertex op = 0;
  std::int64_t round = 0;  // of its repeat
  int stream = 0;
  std::function<Call(const Addresses&)> call;
  std::vector<OperandUse> uses;
  std::vector<int> waits;  // earlier launches on other streams
};

// What became of an op.
enum class Fate : std::uint8_t {
  kernel,    // done as it is
  stand_in,  // its bytes are streamed; `why` says what has no kernel
  left_out,  // nothing to do on this GPU; `why`
};
struct PlannedOp {
  OpVertex op = 0;
  Fate fate = Fate::kernel;
  std::string why;
};

struct Plan {
  std::vector<PlanBuffer> buffers;
  std::vector<PlannedLaunch> launches;
  std::vector<PlannedOp> ops;  // by vertex
  std::vector<EngineId> streams;
  std::size_t device_bytes = 0, pinned_bytes = 0;
  std::vector<std::string> remarks;  // ops left out or stood in for, a line for each kind
};

struct PlanOptions {
  int decode_slots = 264;  // blocks of decode attention that the GPU runs at a time
  int multiprocessors = 132;
  unsigned seed = 1;
};

// An op that one GPU cannot do: "all_reduce: a collective needs more than one GPU".
struct NotExecutable : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws NotExecutable where leaving an op out would change what the step is.
Plan plan_step(const Step& step, const Machine& machine, const PlanOptions& options = {});

// "keys and values of layer 3 and 411 buffers more: 91.20 GiB; 80.00 GiB are free, 11.20 GiB are
// missing"; empty when it fits.
std::string what_does_not_fit(const Plan& plan, std::size_t device_free, std::size_t pinned_free);

}  // namespace terrace::cuda
