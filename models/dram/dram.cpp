// The DRAM device: requests cut into bursts, spread over channels and put together again. Sources:
// JEDEC standards as the tables in configs/dram cite them; controller as Ramulator 2.1 documents
// it, except that a refresh blocks no banks but its own. State: the channels, requests in flight.
#include "models/dram/dram.h"

#include <fmt/format.h>

#include "models/dram/bounds.h"

namespace terrace::dram {

void DramParams::fields(Schema<DramParams>& s) {
  s.field("standard", &DramParams::standard, "the table of its DRAM").required();
  s.field("channels", &DramParams::channels, "identical channels; any number").between(1, 4096);
  s.field("channel_run", &DramParams::channel_run,
          "neighbouring bytes that lie in one channel; 0: one burst");
  s.field("channel_hash", &DramParams::channel_hash,
          "rotate the channels by higher address bits, so that strides meet all of them");
  s.field("mapping", &DramParams::mapping, "where an address lies in a channel");
  s.field("scheduler", &DramParams::scheduler, "which request goes next");
  s.field("row_policy", &DramParams::row_policy, "when unused rows are closed");
  s.field("refresh", &DramParams::refresh, "what is refreshed when");
  s.field("read_queue", &DramParams::read_queue, "reads that a channel holds").between(1, 4096);
  s.field("write_queue", &DramParams::write_queue, "writes that a channel holds").between(1, 4096);
}

void DramParams::check(Checker& c) const {
  const auto run = static_cast<std::uint64_t>(channel_run.value());
  if (run % standard.granule() != 0)
    c.fail("channel_run", fmt::format("is no whole number of bursts of {} B", standard.granule()));
  else if (run > 0 && standard.channel_bytes() % run != 0)
    c.fail("channel_run", "does not divide the capacity of a channel");
}

ChannelRules channel_rules(const DramParams& params, const CommandTable& table) {
  ChannelRules rules;
  rules.scheduling = params.scheduler.make({})->rules();
  rules.rows = params.row_policy.make({})->rules();
  rules.refresh = params.refresh.make({})->plan(table);
  rules.read_queue = params.read_queue;
  rules.write_queue = params.write_queue;
  return rules;
}

MappingPlan mapping_plan(const DramParams& params, const CommandTable& table) {
  MappingPlan plan(table.standard());
  params.mapping.make({})->plan(plan);
  return plan;
}

Dram::Dram(const Params& params, const Context&)
    : params_(params),
      table_(params.standard),
      mapping_(mapping_plan(params, table_)),
      granule_(params.standard.granule()),
      split_(params.channels,
             std::max<std::uint64_t>(
                 1, static_cast<std::uint64_t>(params.channel_run.value()) / granule_),
             params.channel_hash) {
  const ChannelRules rules = channel_rules(params, table_);
  channels_.reserve(static_cast<std::size_t>(params.channels));
  for (int i = 0; i < params.channels; ++i) channels_.emplace_back(table_, rules);
  while (leaves_ < channels_.size()) leaves_ *= 2;
  tree_.assign(2 * leaves_, never_tick);
  for (std::size_t i = 0; i < channels_.size(); ++i) update(i);
}

Tick Dram::event_of(std::size_t i) const {
  const Channel& c = channels_[i];
  // Refresh alone is no event: an idle device must come to rest. It is made up for on waking.
  return std::min(c.idle() ? never_tick : c.next(), c.next_done());
}

void Dram::update(std::size_t channel) {
  std::size_t i = leaves_ + channel;
  tree_[i] = event_of(channel);
  for (i /= 2; i >= 1; i /= 2) {
    const Tick earliest = std::min(tree_[2 * i], tree_[2 * i + 1]);
    if (tree_[i] == earliest) break;
    tree_[i] = earliest;
  }
}

void Dram::push(int channel, std::uint64_t local, std::uint32_t token, bool write, Time now) {
  const auto i = static_cast<std::size_t>(channel);
  Channel& c = channels_[i];
  const Tick first = table_.first_after(now);
  if (c.idle())  // refreshes that came due meanwhile
    while (c.next() < first) c.process(c.next());
  const Location at = mapping_.locate(local);
  c.push(write, at.bank, at.row, token, first);
  update(i);
}

bool Dram::offer(const BurstRequest& request, Time now) {
  if (staged_.burst < staged_.end) return false;
  const bool write = request.direction == Direction::write;
  const std::uint64_t burst = request.address / granule_;
  const std::uint64_t end = (request.address + std::max(1u, request.bytes) - 1) / granule_ + 1;
  const auto [channel, local] = split_.of(burst);
  const bool room = channels_[static_cast<std::size_t>(channel)].room(write);
  if (!room && end == burst + 1) return false;
  if (free_ == UINT32_MAX) {
    free_ = static_cast<std::uint32_t>(flights_.size());
    flights_.push_back({0, 0, UINT32_MAX});
  }
  const std::uint32_t token = free_;
  InFlight& f = flights_[token];
  free_ = f.next;
  f.id = request.id;
  f.pieces = end - burst;
  if (end == burst + 1) {
    push(channel, local, token, write, now);
    return true;
  }
  staged_ = {burst, end, token, write};
  feed(now);
  return true;
}

void Dram::feed(Time now) {
  for (; staged_.burst < staged_.end; ++staged_.burst) {
    const auto [channel, local] = split_.of(staged_.burst);
    if (!channels_[static_cast<std::size_t>(channel)].room(staged_.write)) return;
    push(channel, local, staged_.token, staged_.write, now);
  }
}

Time Dram::next_event() const {
  return tree_[1] >= never_tick ? Time::never() : table_.time(tree_[1]);
}

void Dram::answer(std::uint32_t token, Time at, std::vector<BurstAnswer>& answers) {
  InFlight& f = flights_[token];
  if (--f.pieces > 0) return;
  answers.push_back({f.id, at});
  f.next = free_;
  free_ = token;
}

void Dram::advance(Time now, std::vector<BurstAnswer>& answers) {
  while (tree_[1] < never_tick && table_.time(tree_[1]) <= now) {
    const Tick tick = tree_[1];
    std::size_t i = 1;
    while (i < leaves_) i = tree_[2 * i] == tick ? 2 * i : 2 * i + 1;
    i -= leaves_;
    Channel& c = channels_[i];
    if (!c.idle() && c.next() <= tick) c.process(tick);
    for (const bool write : {false, true})
      while (!c.done(write).empty() && c.done(write).front().at <= tick) {
        answer(c.done(write).front().token, table_.time(tick), answers);
        c.done(write).pop();
      }
    update(i);
    if (staged_.burst < staged_.end) feed(table_.time(tick));
  }
}

std::uint64_t Dram::footprint_limit() const {
  return params_.standard.channel_bytes() * channels_.size();
}

BytesPerSecond Dram::peak(Direction) const {
  return BytesPerSecond(params_.standard.channel_peak() * static_cast<double>(channels_.size()));
}

std::int64_t Dram::issued(Command command) const {
  std::int64_t sum = 0;
  for (const Channel& c : channels_) sum += c.issued(command);
  return sum;
}

std::vector<BurstCount> Dram::counts() const {
  const Energy& energy = params_.standard.energy;
  std::vector<BurstCount> out;
  const std::int64_t opened = issued(ACT);
  out.push_back({"activate", "rows opened and closed again", opened,
                 energy.activate * static_cast<double>(opened)});
  const auto columns = [&](const std::string& name, std::int64_t bursts,
                           const std::map<std::string, JoulesPerByte>& parts) {
    out.push_back({name, "bursts", bursts, Joules(0)});
    for (const auto& [part, each] : parts)
      out.push_back({name + "_" + part, "bursts; energy of this part alone", bursts,
                     Joules(each.value() * granule_ * static_cast<double>(bursts))});
  };
  columns("read", issued(RD) + issued(RDA), energy.read);
  columns("write", issued(WR) + issued(WRA), energy.write.empty() ? energy.read : energy.write);
  std::int64_t refreshed = 0;
  for (const Channel& c : channels_) refreshed += c.banks_refreshed();
  out.push_back(
      {"refresh", "banks refreshed, by whatever command", refreshed,
       energy.refresh_row * static_cast<double>(refreshed * params_.standard.rows_per_refresh)});
  return out;
}

Watts Dram::background() const {
  return params_.standard.energy.background * static_cast<double>(channels_.size());
}

BurstParts Dram::parts() const {
  BurstParts parts;
  if (params_.channels == 1) return parts;
  DramParams one = params_;
  one.channels = 1;
  parts.count = static_cast<std::uint64_t>(params_.channels);
  parts.interleave =
      std::max<std::uint64_t>(granule_, static_cast<std::uint64_t>(params_.channel_run.value()));
  parts.one = std::make_unique<Dram>(one, Context{});
  return parts;
}

double Dram::bound(std::uint64_t run_length) const {
  BoundPattern pattern;
  if (run_length > 0) {
    pattern.bytes_per_row = bytes_per_row(params_, run_length);
    pattern.touched_share = std::min(1.0, static_cast<double>(run_length) / granule_);
  }
  return bounds(params_.standard, params_.refresh.kind(), pattern).least();
}

TERRACE_REGISTER(BurstDevice, Dram, "dram", "DRAM channels with controllers, burst by burst");

}  // namespace terrace::dram
