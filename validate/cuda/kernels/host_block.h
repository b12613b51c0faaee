// A GPU's block of threads on the host: every thread a fibre, so that a kernel's own source runs
// with its barriers, shuffles, asynchronous copies and matrix fragments. For tests; slow.
// Source: PTX ISA 8.5, sections 9.7.9.25 (cp.async), 9.7.14.5 (mma.m16n8k16, ldmatrix).
#pragma once

#include <ucontext.h>

#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

#include "validate/cuda/kernels/portable.h"

namespace terrace::cuda {

// One block. run() returns when all threads have ended; it throws std::logic_error where some wait
// for a barrier that others never reach, and what a thread throws.
class HostBlock {
 public:
  HostBlock(int threads, std::size_t shared);
  ~HostBlock();
  void run(const std::function<void(int thread)>& body);

  struct Barrier {
    int members = 0, arrived = 0;
    std::uint64_t generation = 0;
  };
  struct alignas(16) Slot {  // what a lane shows the others of its warp
    std::uint32_t words[8];
  };
  struct Warp {
    Barrier barrier;
    Slot slots[2][32];
  };
  void wait(Barrier& barrier);
  Barrier& block_barrier() { return barrier_; }
  Warp& warp_of(int thread) { return warps_[static_cast<std::size_t>(thread / 32)]; }
  std::byte* shared() { return shared_.data() + shared_offset_; }

 private:
  struct Fibre;
  static void enter(unsigned high, unsigned low);

  int threads_;
  std::vector<std::byte> shared_;
  std::size_t shared_offset_ = 0;
  Barrier barrier_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fibre>> fibres_;
  ucontext_t scheduler_ = {};
  int current_ = 0;
  const std::function<void(int)>* body_ = nullptr;
};

// What a kernel sees of the thread it is. DeviceThread (device_thread.h) has the same members.
class HostThread {
 public:
  HostThread(HostBlock& block, int thread, int x, int y, int z, const Grid& grid)
      : block_(block), thread_(thread), x_(x), y_(y), z_(z), grid_(grid) {}
  int thread() const { return thread_; }
  int lane() const { return thread_ % 32; }
  int warp() const { return thread_ / 32; }
  int threads() const { return grid_.threads; }
  int x() const { return x_; }
  int y() const { return y_; }
  int z() const { return z_; }
  int blocks() const { return grid_.x; }
  std::byte* shared() const { return block_.shared(); }

  void sync() { block_.wait(block_.block_barrier()); }
  void sync_warp() { block_.wait(block_.warp_of(thread_).barrier); }
  template <class T>
  T shuffle(T value, int lane) {
    return exchange(value, lane);
  }
  template <class T>
  T shuffle_xor(T value, int mask) {
    return exchange(value, lane() ^ mask);
  }
  int add_shared(int* to, int value) {
    const int before = *to;
    *to += value;
    return before;
  }
  void add_global(float* to, float value) { *to += value; }

  // 16 bytes to shared memory, zeros where not `valid`; there after commit() and wait<n>(), n being
  // how many of the last commits may be under way still. Done as late as that allows.
  void copy_async(void* to, const void* from, bool valid);
  void commit();
  template <int N>
  void wait() {
    wait_for(N);
  }
  // ldmatrix.x4: lane i names row i % 8 of matrix i / 8, eight 16-bit numbers each.
  void load_matrices(std::uint32_t (&out)[4], const void* row) { load(out, row, false); }
  void load_transposed(std::uint32_t (&out)[4], const void* row) { load(out, row, true); }
  // mma.m16n8k16.row.col: d += a b, 16-bit a and b, fp32 d.
  template <class T>
  void multiply(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1) {
    multiply_bits(d, a, b0, b1, std::is_same_v<T, F16>);
  }

 private:
  struct Copy {
    void* to;
    const void* from;
    bool valid;
  };
  HostBlock::Slot* shown();  // after this, all lanes' slots are there to read
  HostBlock::Slot& mine() {
    return block_.warp_of(thread_).slots[parity_][static_cast<std::size_t>(lane())];
  }
  template <class T>
  T exchange(T value, int lane) {
    static_assert(sizeof(T) <= sizeof(HostBlock::Slot));
    std::memcpy(&mine(), &value, sizeof(T));
    T out;
    std::memcpy(&out, &shown()[lane & 31], sizeof(T));
    return out;
  }
  void load(std::uint32_t (&out)[4], const void* row, bool transposed);
  void multiply_bits(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0, std::uint32_t b1,
                     bool half);
  void wait_for(std::size_t pending);

  HostBlock& block_;
  int thread_, x_, y_, z_;
  const Grid& grid_;
  std::size_t parity_ = 0;
  std::vector<std::vector<Copy>> committed_;
  std::vector<Copy> open_;
};

// Runs kernels on the host, block after block.
class HostLauncher {
 public:
  template <class Kernel>
  void launch(const char*, const Grid& grid, const Kernel& kernel) {
    HostBlock block(grid.threads, grid.shared);
    for (int z = 0; z < grid.z; ++z)
      for (int y = 0; y < grid.y; ++y)
        for (int x = 0; x < grid.x; ++x)
          block.run([&](int thread) {
            HostThread self(block, thread, x, y, z, grid);
            kernel(self);
          });
  }
};

}  // namespace terrace::cuda
