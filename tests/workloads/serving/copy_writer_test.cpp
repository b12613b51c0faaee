// Copies of KV blocks as ops: exact bytes, in the pieces that the layout gives, on every stage and
// rank.
#include "workloads/serving/copy_writer.h"

#include <catch2/catch.hpp>

#include "tests/workloads/llm/llm_machine.h"
#include "tests/workloads/serving/serving_bench.h"

namespace terrace {
namespace {

struct Copies {
  std::unique_ptr<Machine> machine;
  Parallel parallel;
  ModelShape model = test::shipped("llama-3.1-8b");
  std::unique_ptr<Placement> placement;
  std::unique_ptr<RankShape> rank;
  std::unique_ptr<CopyWriter> writer;

  Copies(std::int64_t tp, std::int64_t pp, std::int64_t chunk = 1) {
    bench::MachineShape shape;
    shape.gpus = static_cast<int>(tp * pp);
    machine = bench::machine_of(shape);
    parallel.tp = tp;
    parallel.pp = pp;
    placement = std::make_unique<Placement>(parallel, model, *machine);
    rank = std::make_unique<RankShape>(model, parallel);
    writer = std::make_unique<CopyWriter>(*machine, *placement, *rank, 16, chunk);
  }
  TierId tier(const char* name) const { return machine->find_tier(name); }
  Step write(TierId from, TierId to, std::int64_t blocks) const {
    CopyJob job;
    job.add(from, to, blocks);
    return writer->write(job, 0);
  }
};

}  // namespace

TEST_CASE(
    "a block of Llama-3.1-8B is 2 MiB, copied in 64 pieces of 32 KiB: K and V of each layer") {
  const Copies c(1, 1);
  REQUIRE(c.writer->block_bytes() == 2097152);
  const Step step = c.write(none, c.tier("host.dram"), 3);
  REQUIRE(step.lane == -1);
  REQUIRE(boost::num_vertices(step.graph) == 1);
  const Op& op = step.graph[0];
  REQUIRE(op.kind == OpKind::copy);
  REQUIRE(op.engine == c.machine->find_engine("gpu0.copy_out"));
  REQUIRE(op.pieces == 3 * 64);
  REQUIRE(op.accesses.at(0).tier == c.tier("gpu0.hbm"));
  REQUIRE(op.accesses[0].direction == Direction::read);
  REQUIRE(op.accesses[1].tier == c.tier("host.dram"));
  for (const Access& a : op.accesses) {
    REQUIRE(a.bytes == 3 * 2097152);
    REQUIRE(a.run_length == 16 * 8 * 128 * 2);
  }
}

TEST_CASE("tensor-parallel ranks copy their own heads, pipeline stages their own layers") {
  const Copies c(2, 2);
  REQUIRE(c.writer->block_bytes() == 2097152);
  const Step step = c.write(c.tier("host.dram"), none, 4);
  REQUIRE(boost::num_vertices(step.graph) == 2);
  for (OpVertex v = 0; v < 2; ++v) {
    const Op& op = step.graph[v];
    REQUIRE(op.engine == c.machine->find_engine(v == 0 ? "gpu0.copy_in" : "gpu2.copy_in"));
    REQUIRE(c.machine->ranks(op.group) == 2);
    REQUIRE(op.accesses[0].bytes == 4 * 2097152 / 4);
    REQUIRE(op.accesses[0].run_length == 16 * 4 * 128 * 2);
  }
}

TEST_CASE("a staged tier gets a chunk of all layers in one piece") {
  Copies c(1, 1, 4);
  c.writer->stage(c.tier("host.dram"));
  const Step step = c.write(none, c.tier("host.dram"), 8);
  REQUIRE(step.graph[0].pieces == 2);
  REQUIRE(step.graph[0].accesses[0].run_length == 4 * 2097152);
}

TEST_CASE(
    "what moves between lower tiers takes the DMA engine of the lower one, and goes before the "
    "rest") {
  const Copies c(1, 1);
  CopyJob job;
  job.add(c.tier("host.dram"), c.tier("cxl.dram"), 2);
  job.add(none, c.tier("host.dram"), 2);
  const Step step = c.writer->write(job, 0);
  REQUIRE(step.graph[0].engine == c.machine->find_engine("cxl.dma"));
  REQUIRE(step.graph[0].accesses[0].bytes == 2 * 2097152);
  REQUIRE(boost::edge(0, 1, step.graph).second);
  check(step);
}

TEST_CASE("a step behind the host thread is the same step, one op later") {
  Step body;
  Op op;
  op.label = "a";
  const OpVertex a = append(body.graph, op);
  op.label = "b";
  const OpVertex b = append(body.graph, op, a);
  op.label = "c";
  append(body.graph, op, b);
  append(body.graph, op);  // not behind a
  body.repeats.push_back({1, 2, 32});
  body.id = 7;
  Op host;
  host.label = "host";
  const Step step = behind_host(body, host);
  check(step);
  REQUIRE(step.id == 7);
  REQUIRE(boost::num_vertices(step.graph) == 5);
  REQUIRE(std::string(step.graph[0].label) == "host");
  REQUIRE(boost::edge(0, 1, step.graph).second);
  REQUIRE(boost::edge(1, 2, step.graph).second);
  REQUIRE(boost::edge(2, 3, step.graph).second);
  REQUIRE(boost::edge(0, 4, step.graph).second);
  REQUIRE_FALSE(boost::edge(0, 2, step.graph).second);
  REQUIRE(step.repeats[0].first == 2);
  REQUIRE(step.repeats[0].last == 3);
}

}  // namespace terrace
