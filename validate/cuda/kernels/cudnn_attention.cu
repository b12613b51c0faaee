// cuDNN's fused attention, asked for as the graph of its operations: scores, mask, softmax, sums.
#include "validate/cuda/kernels/cudnn_attention.h"

#if __has_include(<cudnn.h>)
#include <fmt/format.h>

#include <limits>
#include <map>
#include <tuple>

#include "validate/cuda/kernels/cudnn_graph.h"

namespace terrace::cuda {
namespace {

using Tensor = CudnnGraph::Tensor;
using Dims = CudnnGraph::Dims;

struct Tensors {
  Tensor q = 0, k = 0, v = 0, out = 0, scale = 0, never = 0;
  Tensor table_k = 0, table_v = 0, query_lengths = 0, kv_lengths = 0;  // 0: not there
};

Dims transposed(const Dims& d) { return {d[0], d[1], d[3], d[2]}; }

// Keys or values as the products take them: [sequence][head][token][number].
struct Rows {
  Dims dims, strides;
};
Rows rows_of(const CudnnShape& s, int tokens, int heads) {
  const std::int64_t row = std::int64_t{heads} * s.head_dim;
  return {{s.sequences, heads, tokens, s.head_dim}, {tokens * row, s.head_dim, row, 1}};
}

Tensor paged(CudnnGraph& g, const CudnnShape& s, Tensor pool, Tensor table, Tensor lengths,
             bool turned) {
  const Dims dims{s.sequences, s.kv_heads, s.kv_tokens, s.head_dim};
  const Dims strides{dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1};
  return turned ? g.paged(pool, table, lengths, transposed(dims), transposed(strides))
                : g.paged(pool, table, lengths, dims, strides);
}

Tensors attention(CudnnGraph& g, const CudnnShape& s) {
  Tensors t;
  const Rows q = rows_of(s, s.query_tokens, s.heads), kv = rows_of(s, s.kv_tokens, s.kv_heads);
  t.q = g.given(q.dims, q.strides, CUDNN_DATA_BFLOAT16);
  Tensor keys = 0, values = 0;
  if (s.page_tokens == 0) {
    keys = t.k = g.given(transposed(kv.dims), transposed(kv.strides), CUDNN_DATA_BFLOAT16);
    values = t.v = g.given(kv.dims, kv.strides, CUDNN_DATA_BFLOAT16);
  } else {
    const Dims pool{s.pages, s.kv_heads, s.page_tokens, s.head_dim};
    const std::int64_t head = std::int64_t{s.page_tokens} * s.head_dim;
    const Dims strides{s.kv_heads * head, head, s.head_dim, 1};
    const Dims table{s.sequences, 1, s.table_pages, 1}, each{s.sequences, 1, 1, 1};
    t.k = g.given(pool, strides, CUDNN_DATA_BFLOAT16);
    t.v = g.given(pool, strides, CUDNN_DATA_BFLOAT16);
    t.table_k = g.given(table, {s.table_pages, s.table_pages, 1, 1}, CUDNN_DATA_INT32);
    t.table_v = g.given(table, {s.table_pages, s.table_pages, 1, 1}, CUDNN_DATA_INT32);
    t.query_lengths = g.given(each, {1, 1, 1, 1}, CUDNN_DATA_INT32);
    t.kv_lengths = g.given(each, {1, 1, 1, 1}, CUDNN_DATA_INT32);
    keys = paged(g, s, t.k, t.table_k, t.kv_lengths, true);
    values = paged(g, s, t.v, t.table_v, t.kv_lengths, false);
  }
  t.scale = g.scalar();
  if (s.causal || s.page_tokens != 0) t.never = g.scalar();

  const Tensor products = g.between({s.sequences, s.heads, s.query_tokens, s.kv_tokens});
  g.multiply(t.q, keys, products, t.query_lengths, t.kv_lengths);
  Tensor scores = g.apply(CUDNN_POINTWISE_MUL, products, t.scale);
  const auto keep_where = [&](Tensor condition) { scores = g.select(scores, t.never, condition); };
  if (s.page_tokens != 0) {
    const Tensor query =
        g.apply(CUDNN_POINTWISE_CMP_LT, g.index_of(scores, 2), t.query_lengths, CUDNN_DATA_BOOLEAN);
    const Tensor key =
        g.apply(CUDNN_POINTWISE_CMP_LT, g.index_of(scores, 3), t.kv_lengths, CUDNN_DATA_BOOLEAN);
    keep_where(g.apply(CUDNN_POINTWISE_LOGICAL_AND, query, key, CUDNN_DATA_BOOLEAN));
  }
  if (s.causal) {
    const Tensor query = g.index_of(scores, 2), key = g.index_of(scores, 3);
    keep_where(g.apply(CUDNN_POINTWISE_CMP_GE, query, key, CUDNN_DATA_BOOLEAN));
  }
  const Tensor largest = g.reduce_rows(CUDNN_REDUCE_TENSOR_MAX, scores);
  const Tensor powers = g.apply(CUDNN_POINTWISE_EXP, g.apply(CUDNN_POINTWISE_SUB, scores, largest));
  const Tensor sums = g.reduce_rows(CUDNN_REDUCE_TENSOR_ADD, powers);
  // Nothing reads their logarithm, but the library knows attention by it.
  g.apply(CUDNN_POINTWISE_ADD, largest, g.apply(CUDNN_POINTWISE_LOG, sums));
  const Tensor shares = g.apply(CUDNN_POINTWISE_DIV, powers, sums, CUDNN_DATA_BFLOAT16);
  t.out = g.given(q.dims, q.strides, CUDNN_DATA_BFLOAT16);
  g.multiply(shares, values, t.out, t.query_lengths, 0, t.kv_lengths);
  return t;
}

struct Plan {
  Tensors tensors;
  std::unique_ptr<CudnnGraph> graph;
  CudnnDescriptor plan;
  std::int64_t workspace = 0;  // B
};

auto key_of(const CudnnShape& s) {
  return std::make_tuple(s.sequences, s.heads, s.kv_heads, s.head_dim, s.query_tokens, s.kv_tokens,
                         s.causal, s.page_tokens, s.table_pages, s.pages);
}

}  // namespace

struct CudnnAttention::Library {
  CudnnFunctions dnn;
  cudnnHandle_t handle = nullptr;
  std::map<decltype(key_of({})), Plan> plans;
  DeviceBuffer workspace;

  ~Library() {
    plans.clear();
    if (handle != nullptr) (void)dnn.Destroy(handle);
  }

  Plan make(const CudnnShape& shape);
  Plan& plan(const CudnnShape& shape) {
    const auto key = key_of(shape);
    const auto known = plans.find(key);
    return known != plans.end() ? known->second : plans.emplace(key, make(shape)).first->second;
  }
};

Plan CudnnAttention::Library::make(const CudnnShape& shape) {
  auto graph = std::make_unique<CudnnGraph>(dnn);
  const Tensors tensors = attention(*graph, shape);
  const auto list = graph->operations();
  CudnnDescriptor operations(dnn, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  operations
      .set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, list.data(),
           static_cast<std::int64_t>(list.size()))
      .set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, &handle)
      .finish();

  CudnnDescriptor ranking(dnn, CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  const cudnnBackendHeurMode_t mode = CUDNN_HEUR_MODE_A;
  ranking.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, operations)
      .set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, &mode)
      .finish();

  constexpr int most = 8;  // choices tried, best first
  std::vector<CudnnDescriptor> choices;
  std::vector<cudnnBackendDescriptor_t> raw;
  for (int i = 0; i < most; ++i) {
    choices.emplace_back(dnn, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    raw.push_back(choices.back().get());
  }
  std::int64_t found = 0;
  dnn.must(dnn.BackendGetAttribute(ranking.get(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &found, raw.data()),
           "cudnnBackendGetAttribute");
  std::string why = "it has no engine";
  for (int i = 0; i < static_cast<int>(found); ++i) {
    CudnnDescriptor plan(dnn, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
    try {
      plan.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, choices[static_cast<std::size_t>(i)])
          .set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, &handle)
          .finish();
    } catch (const NotPossible& error) {
      why = error.what();
      continue;
    }
    const std::int64_t workspace = plan.whole(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
    return {tensors, std::move(graph), std::move(plan), workspace};
  }
  throw NotPossible("cuDNN cannot do this attention: " + why);
}

CudnnAttention::CudnnAttention() : library_(std::make_unique<Library>()) {
  library_->dnn.must(library_->dnn.Create(&library_->handle), "cudnnCreate");
}

CudnnAttention::~CudnnAttention() = default;

std::string CudnnAttention::version() const {
  const std::size_t v = library_->dnn.GetVersion();
  return fmt::format("cuDNN {}.{}.{}", v / 10000, v / 100 % 100, v % 100);
}

void CudnnAttention::attend(const CudnnShape& shape, const CudnnOperands& on,
                            const Stream& stream) {
  Library& l = *library_;
  Plan& plan = l.plan(shape);
  if (static_cast<std::size_t>(plan.workspace) > l.workspace.bytes())
    l.workspace = DeviceBuffer(static_cast<std::size_t>(plan.workspace), "the workspace of cuDNN");
  float scale = on.scale, never = -std::numeric_limits<float>::infinity();
  if (l.dnn.GetVersion() < 91000) never = std::numeric_limits<float>::lowest();
  std::vector<Tensor> ids;
  std::vector<const void*> pointers;
  const Tensors& t = plan.tensors;
  for (const auto& [id, at] :
       std::initializer_list<std::pair<Tensor, const void*>>{{t.q, on.q},
                                                             {t.k, on.k},
                                                             {t.v, on.v},
                                                             {t.out, on.out},
                                                             {t.scale, &scale},
                                                             {t.never, &never},
                                                             {t.table_k, on.table},
                                                             {t.table_v, on.table},
                                                             {t.query_lengths, on.query_lengths},
                                                             {t.kv_lengths, on.kv_lengths}}) {
    if (id == 0) continue;
    ids.push_back(id);
    pointers.push_back(at);
  }
  const auto count = static_cast<std::int64_t>(ids.size());
  void* workspace = l.workspace.data();
  CudnnDescriptor pack(l.dnn, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids.data(), count)
      .set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.data(), count)
      .set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &workspace)
      .finish();
  const auto done = [&](cudnnStatus_t status, const char* call) {  // what it can do, it must
    try {
      l.dnn.must(status, call);
    } catch (const NotPossible& error) {
      throw GpuError(error.what());
    }
  };
  done(l.dnn.SetStream(l.handle, stream.get()), "cudnnSetStream");
  done(l.dnn.BackendExecute(l.handle, plan.plan.get(), pack.get()), "cudnnBackendExecute");
}

}  // namespace terrace::cuda

#else

namespace terrace::cuda {

struct CudnnAttention::Library {};
CudnnAttention::CudnnAttention() { throw NotPossible("built without the headers of cuDNN"); }
CudnnAttention::~CudnnAttention() = default;
std::string CudnnAttention::version() const { return ""; }
void CudnnAttention::attend(const CudnnShape&, const CudnnOperands&, const Stream&) {}

}  // namespace terrace::cuda

#endif
