// Service curves by device: looked up under the hash of the device's config, measured at first use.
// Shipped curves lie in configs/curves; those measured here go to $TERRACE_CURVES, or
// $XDG_CACHE_HOME/terrace/curves, or ~/.cache/terrace/curves.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sim/burst.h"
#include "sim/registry.h"
#include "sim/service_curve.h"

namespace terrace {

class CurveStore {
 public:
  struct Entry {
    std::string name;  // who asked first: "gpu0.hbm"
    Choice<BurstDevice> device;
    std::string config;     // canonical JSON of the device
    std::string key;        // SHA-1 of that and of the burst models' revision
    std::string file;       // where it was found or put; empty: nowhere
    bool measured = false;  // now, not found
    ServiceCurve curve;
  };
  struct Hooks {  // of the front door
    std::function<void(const std::string& name, std::size_t done, std::size_t all)> progress;
    std::function<void(const std::string& line)> warn;  // a curve that cannot be kept or read
  };
  static CurveStore& instance();  // of the process

  // The curve of that device; measured here and now when nobody has done so. Stays valid.
  std::shared_ptr<const ServiceCurve> curve(const Choice<BurstDevice>& device,
                                            const std::string& name);
  const std::vector<std::shared_ptr<const Entry>>& used() const { return used_; }

  void hooks(Hooks hooks) { hooks_ = std::move(hooks); }
  void measure_again(bool again) { again_ = again; }  // what is found is not believed
  void directory(std::string path) { directory_ = std::move(path); }  // where new ones go

  static std::string key_of(const std::string& config);
  static std::string text_of(const Entry& entry);  // of its file

 private:
  std::shared_ptr<Entry> find(const std::string& key) const;
  void keep(Entry& entry);

  std::vector<std::shared_ptr<const Entry>> used_;
  Hooks hooks_;
  std::string directory_;
  bool again_ = false;
};

}  // namespace terrace
