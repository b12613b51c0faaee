// A pool that lives as long as the process. A job's parts are claimed one by one, so that a thread
// that the machine holds up delays no more than the part it is in.
#include "workloads/capture/workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace terrace {
namespace {

struct Job {
  Job(std::int64_t n, const std::function<void(std::int64_t)>& w) : parts(n), work(w) {}
  const std::int64_t parts;
  const std::function<void(std::int64_t)>& work;  // touched only by whoever has claimed a part
  std::atomic<std::int64_t> next{0}, done{0};
  // True for whoever ends the last part.
  bool help() {
    bool last = false;
    for (std::int64_t i; (i = next.fetch_add(1)) < parts;) {
      work(i);
      last = done.fetch_add(1, std::memory_order_acq_rel) + 1 == parts;
    }
    return last;
  }
};

// Looks at a condition for some microseconds without giving up the processor; false when it did not
// come true.
template <class Condition>
bool look(const Condition& condition) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::microseconds(40);
  do {
    for (int i = 0; i < 32; ++i) {
      if (condition()) return true;
#if defined(__x86_64__)
      __builtin_ia32_pause();
#endif
    }
  } while (std::chrono::steady_clock::now() < until);
  return false;
}

thread_local bool inside = false;

class Pool {
 public:
  static Pool& instance() {
    static Pool pool;
    return pool;
  }
  ~Pool() { resize(1); }

  int threads() const { return static_cast<int>(threads_.size()) + 1; }
  void resize(int threads) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
      ++generation_;
    }
    wake_.notify_all();
    for (std::thread& t : threads_) t.join();
    threads_.clear();
    stop_ = false;
    for (int i = 1; i < threads; ++i) threads_.emplace_back([this] { serve(); });
  }
  void run(std::int64_t parts, const std::function<void(std::int64_t)>& work) {
    const auto job = std::make_shared<Job>(parts, work);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      job_ = job;
      ++generation_;
    }
    wake_.notify_all();
    inside = true;
    const bool last = job->help();
    inside = false;
    const auto ended = [&] { return job->done.load(std::memory_order_acquire) == parts; };
    if (last || look(ended)) return;
    std::unique_lock<std::mutex> lock(mutex_);
    ended_.wait(lock, ended);
  }

 private:
  Pool() { resize(static_cast<int>(std::max(1U, std::thread::hardware_concurrency()))); }

  void serve() {
    inside = true;
    std::uint64_t seen = 0;
    for (;;) {
      // A decode step brings the next job within microseconds: look before sleeping.
      look([&] { return generation_.load(std::memory_order_acquire) != seen; });
      std::shared_ptr<Job> job;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return generation_ != seen; });
        if (stop_) return;
        seen = generation_;
        job = job_;
      }
      if (job && job->help()) {
        { const std::lock_guard<std::mutex> lock(mutex_); }  // whoever waits has looked already
        ended_.notify_all();
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_, ended_;
  std::atomic<std::uint64_t> generation_{1};
  std::shared_ptr<Job> job_;
  bool stop_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace

void share_out(std::int64_t parts, const std::function<void(std::int64_t)>& work) {
  if (parts > 1 && !inside && Pool::instance().threads() > 1)
    return Pool::instance().run(parts, work);
  for (std::int64_t i = 0; i < parts; ++i) work(i);
}

void share_out_range(std::int64_t count, std::int64_t least,
                     const std::function<void(std::int64_t, std::int64_t)>& work) {
  const std::int64_t most = inside ? 1 : 4 * compute_threads();
  const std::int64_t parts =
      std::clamp<std::int64_t>(count / std::max<std::int64_t>(1, least), 1, most);
  share_out(parts, [&](std::int64_t i) { work(count * i / parts, count * (i + 1) / parts); });
}

void compute_threads(int threads) { Pool::instance().resize(std::max(1, threads)); }
int compute_threads() { return Pool::instance().threads(); }

}  // namespace terrace
