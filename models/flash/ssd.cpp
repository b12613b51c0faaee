// The drive's front: NVMe submission and completion, PCIe, reads. Source: NVM Express base
// specification 2.0 (queues, doorbells, arbitration in turn); the order of stages is that of MQSim
// (Tavakkol et al., FAST 2018). State: requests in flight, page map, buffer, cleaning by plane.
#include "models/flash/ssd.h"

#include <algorithm>

namespace terrace {
namespace {

PageMap::Settings map_settings(const SsdParams& p) {
  PageMap::Settings s;
  s.layout = p.layout();
  s.logical = p.logical_units();
  s.filled = static_cast<std::uint32_t>(p.precondition.filled * s.logical);
  s.dynamic = p.translation.dynamic;
  s.wear_gap = static_cast<std::uint32_t>(p.translation.wear_gap);
  return s;
}

constexpr std::uint32_t tag_bits = 29;
constexpr std::uint32_t entry_bytes = 16, command_bytes = 64;  // NVMe completion, submission

}  // namespace

Ssd::Ssd(const Params& params, const Context& context)
    : params_(params),
      unit_bytes_(static_cast<std::uint32_t>(params.translation.unit.value())),
      page_units_(params.layout().units),
      map_(map_settings(params)),
      array_(params.nand, params.channel, params.layout()),
      link_(params.link),
      in_queue_(static_cast<std::size_t>(params.queues.count)),
      waiting_(static_cast<std::size_t>(params.queues.count)),
      buffer_units_(
          static_cast<std::uint32_t>(std::min(params.buffer.capacity.value() / unit_bytes_, 4e9))),
      cleaning_(params.layout().all_planes()) {
  const std::uint32_t logical = params.logical_units();
  limit_ = std::uint64_t{logical} * unit_bytes_;
  if (params.precondition.overwrites > 0) {
    RandomStream random(context.seed, context.name + " precondition");
    map_.overwrite(params.precondition.overwrites,
                   static_cast<std::uint32_t>(params.translation.clean_below), random);
  }
  if (params.translation.cache) {
    map_units_ = static_cast<std::uint32_t>(params.nand.page.value() / 4);  // 4 B an entry
    map_slots_.resize(
        static_cast<std::size_t>(params.translation.cache->value() / params.nand.page.value()));
    map_slot_.assign(logical / map_units_ + 1, nobody);
  }
}

BytesPerSecond Ssd::peak(Direction) const {
  if (params_.port == SsdPort::internal) return params_.channel.rate * params_.channels;
  return BytesPerSecond(params_.link.raw());
}

// The link, the buses of the channels, and the dies' planes, each sensing a page in the time of its
// quickest pages.
double Ssd::bound(std::uint64_t run_length) const {
  const NandParams& nand = params_.nand;
  const double peak_rate = peak(Direction::read).value();
  const double buses = params_.channel.rate.value() * params_.channels;
  const double useful = run_length == 0
                            ? nand.page.value()
                            : std::min(static_cast<double>(run_length), nand.page.value());
  const double planes =
      static_cast<double>(params_.channels) * params_.chips * params_.dies * nand.planes;
  const double sensed =
      planes * useful / std::min_element(nand.read.begin(), nand.read.end())->value();
  return std::min({1.0, buses / peak_rate, sensed / peak_rate});
}

// The buffer takes that much at the rate of the link before it waits for the flash.
std::uint64_t Ssd::settle_bytes() const {
  return params_.buffer.write_back ? static_cast<std::uint64_t>(2 * params_.buffer.capacity.value())
                                   : 0;
}

bool Ssd::offer(const BurstRequest& r, Time now) {
  const auto queues = static_cast<std::uint32_t>(params_.queues.count);
  std::uint32_t queue = next_queue_;
  for (std::uint32_t i = 0; in_queue_[queue] >= static_cast<std::uint32_t>(params_.queues.depth);) {
    queue = queue + 1 == queues ? 0 : queue + 1;
    if (++i == queues) return false;
  }
  next_queue_ = queue + 1 == queues ? 0 : queue + 1;
  std::uint32_t index;
  if (free_requests_.empty()) {
    index = static_cast<std::uint32_t>(requests_.size());
    requests_.emplace_back();
  } else {
    index = free_requests_.back();
    free_requests_.pop_back();
  }
  requests_[index] = {r.id, r.address, r.bytes, r.bytes, 0, queue, r.direction};
  ++in_queue_[queue];
  if (fetched_ < static_cast<std::uint32_t>(params_.queues.fetched))
    admit(index, now.ps());
  else
    waiting_[queue].push_back(index);
  return true;
}

// Doorbell, fetch of the command, and the controller's look at it.
void Ssd::admit(std::uint32_t request, std::int64_t now) {
  ++fetched_;
  if (params_.port == SsdPort::internal) {
    dispatch_.push_back({now, request});
    return;
  }
  const std::int64_t fetched = now + 3 * link_.latency() + link_.packets_ps(command_bytes);
  controller_ = std::max(controller_, fetched) + Time::nearest(params_.command).ps();
  dispatch_.push_back({controller_ + Time::nearest(params_.firmware).ps(), request});
}

Time Ssd::next_event() const {
  std::int64_t at = array_.next_event().ps();
  for (const std::deque<Due>* q : {&dispatch_, &arrived_, &answers_})
    if (!q->empty()) at = std::min(at, q->front().at);
  return Time::ps(at);
}

void Ssd::advance(Time until, std::vector<BurstAnswer>& answers) {
  for (;;) {
    const Time next = next_event();
    if (next > until) return;
    const std::int64_t now = next.ps();
    if (array_.next_event() == next) {
      done_.clear();
      array_.advance(next, done_);
      for (std::size_t i = 0; i < done_.size(); ++i) done(done_[i], now);
    }
    while (!dispatch_.empty() && dispatch_.front().at <= now) {
      const std::uint32_t request = dispatch_.front().request;
      dispatch_.pop_front();
      dispatch(request, now);
    }
    while (!arrived_.empty() && arrived_.front().at <= now) {
      const std::uint32_t request = arrived_.front().request;
      arrived_.pop_front();
      accept_write(request, now);
    }
    while (!answers_.empty() && answers_.front().at <= now) {
      const std::uint32_t index = answers_.front().request;
      answers.push_back({requests_[index].id, Time::ps(answers_.front().at)});
      answers_.pop_front();
      --in_queue_[requests_[index].queue];
      free_requests_.push_back(index);
    }
  }
}

void Ssd::dispatch(std::uint32_t index, std::int64_t now) {
  const Request& r = requests_[index];
  if (r.direction == Direction::write) {
    ++counts_.write_requests;
    counts_.link_bytes += r.bytes;
    const bool host = params_.port == SsdPort::host;
    arrived_.push_back({host ? link_.down(now + link_.latency(), r.bytes) : now, index});
    return;
  }
  ++counts_.read_requests;
  if (translate(index, now) == 0) start_reads(index, now);
}

std::uint32_t Ssd::wanted(const Request& r, std::uint32_t unit) const {
  const std::uint64_t begin = std::uint64_t{unit} * unit_bytes_, end = begin + unit_bytes_;
  const std::uint64_t low = std::max(begin, r.address / 512 * 512);
  const std::uint64_t high = std::min(end, (r.address + r.bytes + 511) / 512 * 512);
  return static_cast<std::uint32_t>(high - low);
}

void Ssd::submit(Tag tag, std::uint32_t index, FlashOp op, std::int64_t now) {
  op.tag = static_cast<std::uint32_t>(tag) << tag_bits | index;
  array_.submit(op, Time::ps(now));
}

void Ssd::start_reads(std::uint32_t index, std::int64_t now) {
  Request& r = requests_[index];
  const std::uint32_t first = static_cast<std::uint32_t>(r.address / unit_bytes_);
  const std::uint32_t last = static_cast<std::uint32_t>((r.address + r.bytes - 1) / unit_bytes_);
  const FlashLayout& l = map_.layout();
  FlashOp op;
  std::uint32_t page = nobody;
  r.pending = 1;  // held until all are on their way
  const auto send = [&] {
    if (page == nobody) return;
    op.plane = page / (l.blocks * l.pages);
    op.page = page % l.pages;
    ++r.pending;
    submit(Tag::read, index, op, now);
    page = nobody;
  };
  for (std::uint32_t unit = first; unit <= last; ++unit) {
    const std::uint32_t entry = map_.locate(unit);
    if (entry >= PageMap::in_flight) {
      ++(entry == PageMap::unmapped ? counts_.unmapped_reads : counts_.buffer_hits);
      continue;
    }
    if (entry / page_units_ != page) {
      send();
      page = entry / page_units_;
      op.bytes = 0;
    }
    op.bytes += wanted(r, unit);
  }
  send();
  if (--r.pending == 0) {
    r.pending = 1;
    read_arrived(index, r.bytes, now);
  }
}

void Ssd::read_arrived(std::uint32_t index, std::uint32_t bytes, std::int64_t now) {
  Request& r = requests_[index];
  counts_.link_bytes += bytes;
  r.left -= bytes;
  if (params_.port == SsdPort::host) link_.up(now, bytes);
  if (--r.pending == 0) finish(index, now);
}

// The completion goes up the link behind the data; the drive fetches its next command.
void Ssd::finish(std::uint32_t index, std::int64_t now) {
  std::int64_t at = now;
  if (params_.port == SsdPort::host) {
    at = link_.up(now, entry_bytes);
    if (params_.queues.completion == Completion::interrupt) {
      at += Time::nearest(params_.queues.interrupt).ps();
    } else if (const std::int64_t poll = Time::nearest(params_.queues.poll).ps(); poll > 0) {
      at = (at + poll - 1) / poll * poll;
    }
  }
  last_answer_ = std::max(last_answer_, at);
  answers_.push_back({last_answer_, index});
  --fetched_;
  const std::size_t queues = waiting_.size();
  for (std::size_t i = 0; i < queues; ++i) {
    turn_ = turn_ + 1 == queues ? 0 : turn_ + 1;
    if (waiting_[turn_].empty()) continue;
    const std::uint32_t next = waiting_[turn_].front();
    waiting_[turn_].pop_front();
    admit(next, now);
    break;
  }
}

void Ssd::done(std::uint32_t tag, std::int64_t now) {
  const std::uint32_t index = tag & ((1u << tag_bits) - 1);
  switch (static_cast<Tag>(tag >> tag_bits)) {
    case Tag::read: {
      const Request& r = requests_[index];
      return read_arrived(index, r.pending > 1 ? r.left / r.pending : r.left, now);
    }
    case Tag::map_read: {
      const Aside aside = asides_[index];
      free_asides_.push_back(index);
      load_map(aside.what, now);
      if (--requests_[aside.request].pending == 0) start_reads(aside.request, now);
      return;
    }
    case Tag::map_write:
      return;
    case Tag::old_read: {
      const Aside aside = asides_[index];
      free_asides_.push_back(index);
      unplaced_.push_back({aside.what, aside.request});
      return flush(now);
    }
    case Tag::program:
      return programmed(index, now);
    case Tag::move:
      return moved(index, now);
    case Tag::erase:
      return erased(index, now);
  }
}

double Ssd::write_amplification() const {
  const auto host = static_cast<double>(counts_.host_pages);
  return host > 0 ? (host + static_cast<double>(counts_.moved_pages)) / host : 1;
}

std::vector<BurstCount> Ssd::counts() const {
  const FlashArray::Counts& f = array_.counts();
  const auto n = [](std::int64_t times) { return static_cast<double>(times); };
  const Joules free{};
  return {
      {"read", "requests to read", counts_.read_requests, free},
      {"write", "requests to write", counts_.write_requests, free},
      {"page_read", "pages sensed", f.reads, params_.nand.read_energy * n(f.reads)},
      {"page_program", "pages programmed", f.programs, params_.nand.program_energy * n(f.programs)},
      {"block_erase", "blocks erased", f.erases, params_.nand.erase_energy * n(f.erases)},
      {"channel_byte", "bytes on the channels", f.bus_bytes,
       params_.channel.energy * Bytes(n(f.bus_bytes))},
      {"link_byte", "data bytes over the host's or the engine's port", counts_.link_bytes,
       params_.port == SsdPort::host ? params_.link.energy * Bytes(n(counts_.link_bytes)) : free},
      {"multi_plane", "commands for several planes", f.multi_plane, free},
      {"suspend", "programs and erases stopped by a read", f.suspends, free},
      {"host_page", "pages programmed for the host", counts_.host_pages, free},
      {"moved_page", "pages programmed by cleaning", counts_.moved_pages, free},
      {"map_read", "pages of the map read", counts_.map_reads, free},
      {"map_write", "pages of the map written", counts_.map_writes, free},
      {"old_read", "units read to be changed in part", counts_.old_reads, free},
      {"buffer_hit", "units served by the write buffer", counts_.buffer_hits, free},
      {"unmapped_read", "units never written: no flash read", counts_.unmapped_reads, free}};
}

TERRACE_REGISTER(BurstDevice, Ssd, "ssd", "solid-state drive: NAND dies, channels, page map, NVMe");

}  // namespace terrace
