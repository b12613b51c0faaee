// Fibres, barriers and the warp-wide instructions of HostThread.
#include "validate/cuda/kernels/host_block.h"

#include <exception>
#include <stdexcept>

namespace terrace::cuda {

namespace {

constexpr std::size_t stack_bytes = std::size_t{1} << 17;
using Stack = std::unique_ptr<std::byte[]>;
thread_local std::vector<Stack> spare_stacks;  // making them anew would take longer than kernels do

Stack take_stack() {
  if (spare_stacks.empty()) return Stack(new std::byte[stack_bytes]);
  Stack stack = std::move(spare_stacks.back());
  spare_stacks.pop_back();
  return stack;
}

}  // namespace

struct HostBlock::Fibre {
  ucontext_t context = {};
  Stack stack = take_stack();
  const Barrier* blocked_on = nullptr;
  std::uint64_t generation = 0;  // of the barrier when it began to wait
  bool ended = true;
  std::exception_ptr error;
  ~Fibre() { spare_stacks.push_back(std::move(stack)); }
};

HostBlock::HostBlock(int threads, std::size_t shared)
    : threads_(threads),
      shared_(shared + 16),
      warps_(static_cast<std::size_t>((threads + 31) / 32)) {
  if (threads < 1 || threads % 32 != 0) throw std::logic_error("a block is made of whole warps");
  const auto at = reinterpret_cast<std::uintptr_t>(shared_.data());
  shared_offset_ = (16 - at % 16) % 16;
  for (int i = 0; i < threads; ++i) fibres_.push_back(std::make_unique<Fibre>());
}
HostBlock::~HostBlock() = default;

void HostBlock::enter(unsigned high, unsigned low) {
  auto* self = reinterpret_cast<HostBlock*>(static_cast<std::uintptr_t>(high) << 32 | low);
  Fibre& fibre = *self->fibres_[static_cast<std::size_t>(self->current_)];
  try {
    (*self->body_)(self->current_);
  } catch (...) {
    fibre.error = std::current_exception();
  }
  fibre.ended = true;
}

void HostBlock::run(const std::function<void(int)>& body) {
  body_ = &body;
  // What was never written is NaN, so that nobody lives on zeros.
  std::memset(shared_.data(), 0xFF, shared_.size());
  barrier_ = {threads_, 0, 0};
  for (Warp& warp : warps_) warp.barrier = {32, 0, 0};
  const auto self = reinterpret_cast<std::uintptr_t>(this);
  for (const auto& fibre : fibres_) {
    getcontext(&fibre->context);
    fibre->context.uc_stack.ss_sp = fibre->stack.get();
    fibre->context.uc_stack.ss_size = stack_bytes;
    fibre->context.uc_link = &scheduler_;
    fibre->ended = false;
    fibre->blocked_on = nullptr;
    fibre->error = nullptr;
    makecontext(&fibre->context, reinterpret_cast<void (*)()>(&HostBlock::enter), 2,
                static_cast<unsigned>(self >> 32), static_cast<unsigned>(self & 0xFFFFFFFFU));
  }
  for (bool any = true, moved = true; any;) {
    any = moved = false;
    for (int i = 0; i < threads_; ++i) {
      Fibre& fibre = *fibres_[static_cast<std::size_t>(i)];
      if (fibre.ended) continue;
      any = true;
      if (fibre.blocked_on != nullptr && fibre.blocked_on->generation == fibre.generation) continue;
      fibre.blocked_on = nullptr;
      moved = true;
      current_ = i;
      swapcontext(&scheduler_, &fibre.context);
      if (fibre.error) std::rethrow_exception(fibre.error);
    }
    if (any && !moved) throw std::logic_error("threads wait for a barrier that others never reach");
  }
}

void HostBlock::wait(Barrier& barrier) {
  if (++barrier.arrived == barrier.members) {
    barrier.arrived = 0;
    ++barrier.generation;
    return;
  }
  Fibre& fibre = *fibres_[static_cast<std::size_t>(current_)];
  fibre.blocked_on = &barrier;
  fibre.generation = barrier.generation;
  swapcontext(&fibre.context, &scheduler_);
}

HostBlock::Slot* HostThread::shown() {
  HostBlock::Warp& warp = block_.warp_of(thread_);
  HostBlock::Slot* slots = warp.slots[parity_];
  block_.wait(warp.barrier);
  parity_ ^= 1U;  // the next to be shown goes elsewhere: slow lanes may still read these
  return slots;
}

void HostThread::copy_async(void* to, const void* from, bool valid) {
  if ((reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) % 16 != 0)
    throw std::logic_error("16 bytes are copied from or to where no multiple of 16 is");
  open_.push_back({to, from, valid});
}
void HostThread::commit() {
  committed_.push_back(std::move(open_));
  open_.clear();
}
void HostThread::wait_for(std::size_t pending) {
  const std::size_t done = committed_.size() > pending ? committed_.size() - pending : 0;
  for (std::size_t i = 0; i < done; ++i)
    for (const Copy& copy : committed_[i]) {
      if (copy.valid)
        std::memcpy(copy.to, copy.from, 16);
      else
        std::memset(copy.to, 0, 16);
    }
  committed_.erase(committed_.begin(), committed_.begin() + static_cast<std::ptrdiff_t>(done));
}

// Lane l holds of matrix j the numbers (row l / 4, columns 2 (l % 4) and the next); transposed:
// (rows 2 (l % 4) and the next, column l / 4).
void HostThread::load(std::uint32_t (&out)[4], const void* row, bool transposed) {
  if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0)
    throw std::logic_error("ldmatrix: a row is not at a multiple of 16 bytes");
  std::memcpy(&mine(), &row, sizeof row);
  const HostBlock::Slot* slots = shown();
  const int quarter = lane() / 4, pair = 2 * (lane() % 4);
  const auto number = [&](int matrix, int r, int c) {
    const std::uint16_t* from = nullptr;
    std::memcpy(&from, &slots[matrix * 8 + r], sizeof from);
    return static_cast<std::uint32_t>(from[c]);
  };
  for (int j = 0; j < 4; ++j)
    out[j] = transposed ? number(j, pair, quarter) | number(j, pair + 1, quarter) << 16
                        : number(j, quarter, pair) | number(j, quarter, pair + 1) << 16;
  sync_warp();  // the rows may be overwritten once all have them
}

// a: registers 0…3 are (row l/4, k), (row l/4 + 8, k), (row l/4, k + 8), (row l/4 + 8, k + 8) with
// k = 2 (l % 4) and the next; b: (k, column l/4), (k + 8, column l/4); d: (row l/4, columns
// 2 (l % 4) and the next), and the same of row l/4 + 8.
void HostThread::multiply_bits(float (&d)[4], const std::uint32_t (&a)[4], std::uint32_t b0,
                               std::uint32_t b1, bool half) {
  const std::uint32_t all[6] = {a[0], a[1], a[2], a[3], b0, b1};
  std::memcpy(&mine(), all, sizeof all);
  const HostBlock::Slot* slots = shown();
  const auto number = [&](int from, int reg, int k) {
    const auto bits =
        static_cast<std::uint16_t>(slots[from].words[reg] >> (k % 2 == 0 ? 0 : 16) & 0xFFFFU);
    return half ? float_of_half(bits) : float_of_bfloat16(bits);
  };
  for (int i = 0; i < 4; ++i) {
    const int row = lane() / 4, column = 2 * (lane() % 4) + i % 2;
    for (int k = 0; k < 16; ++k) {
      const int upper = k >= 8 ? 1 : 0, spot = k % 8 / 2;
      d[i] +=
          number(row * 4 + spot, 2 * upper + i / 2, k) * number(column * 4 + spot, 4 + upper, k);
    }
  }
}

}  // namespace terrace::cuda
