// Clocks, power and the PCIe link of a GPU as the driver's management library tells them; opened
// when it is used, silent where it is missing.
#pragma once

#include <string>

namespace terrace::cuda {

struct GpuState {  // at one moment; 0 where NVML does not tell
  double sm_clock_hz = 0, memory_clock_hz = 0;
  double power_w = 0, power_limit_w = 0;
  double temperature_c = 0;
  unsigned long long slowed_by = 0;  // nvmlClocksEventReasons, a mask; 0: nothing
};

class Nvml {
 public:
  explicit Nvml(const std::string& pci_bus);  // as cudaDeviceGetPCIBusId writes it
  ~Nvml();
  Nvml(const Nvml&) = delete;
  Nvml& operator=(const Nvml&) = delete;
  bool present() const { return device_ != nullptr; }
  std::string driver_version() const;  // "580.65.06"; "" without
  int pcie_generation() const;         // highest that device and slot allow; 0 without
  int pcie_width() const;
  GpuState state() const;

 private:
  template <class Function>
  Function find(const char* name) const;
  unsigned number(const char* name) const;
  void* library_ = nullptr;
  void* device_ = nullptr;
};

}  // namespace terrace::cuda
