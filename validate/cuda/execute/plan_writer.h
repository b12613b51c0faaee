// Writes a plan launch by launch: buffers by name or by role, and who waits for whom.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "validate/cuda/execute/plan.h"

namespace terrace::cuda {

class PlanWriter {
 public:
  PlanWriter(const Step& step, Plan& plan);

  // A buffer of its own, for the whole step.
  Operand buffer(const std::string& name, std::size_t bytes, Space space = Space::device);
  template <class T>
  Operand table(const std::string& name, const std::vector<T>& values) {
    const Operand o = buffer(name, values.size() * sizeof(T));
    const auto* from = reinterpret_cast<const std::byte*>(values.data());
    plan_.buffers[static_cast<std::size_t>(o.buffer)].contents.assign(
        from, from + values.size() * sizeof(T));
    return o;
  }
  // Activations of that role: the same memory wherever the role is met, as large as its largest.
  Operand role(const std::string& name, std::size_t bytes);

  void begin(OpVertex op, std::int64_t round, int stream);
  OpVertex op() const { return op_; }
  std::int64_t round() const { return round_; }
  void launch(std::vector<OperandUse> uses, std::function<Call(const Addresses&)> call);
  void finish();  // waits, lifetimes, places

 private:
  void find_waits();
  void find_lifetimes();
  void place();

  const Step& step_;
  Plan& plan_;
  std::map<std::string, int> roles_;
  OpVertex op_ = 0;
  std::int64_t round_ = 0;
  int stream_ = 0;
};

}  // namespace terrace::cuda
