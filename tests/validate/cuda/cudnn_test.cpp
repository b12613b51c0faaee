// cuDNN's attention beside a float64 reference: needs a GPU and the library.
#include "tests/validate/cuda/paged_cache.h"
#include "validate/cuda/kernels/cudnn_attention.h"

namespace terrace::cuda {
namespace {

// Sequences of `visible` tokens each, in pages; or one without pages, whose query i sees the keys
// up to i.
void check_attention(Place& place, CudnnAttention& cudnn, const std::vector<std::int32_t>& visible,
                     int kv_heads, int head_dim, int page_tokens) {
  constexpr int heads = 8;
  const bool paged = page_tokens > 0;
  const int longest = *std::max_element(visible.begin(), visible.end());
  const auto sequences = static_cast<int>(visible.size());
  int shift = 0;  // without pages: a token a page, in order
  while (paged && 1 << shift < page_tokens) ++shift;
  INFO("on " << place.name() << ", " << cudnn.version() << ", heads " << heads << ":" << kv_heads
             << " of " << head_dim << ", pages of " << page_tokens);

  CudnnShape shape;
  shape.sequences = sequences;
  shape.heads = heads;
  shape.kv_heads = kv_heads;
  shape.head_dim = head_dim;
  shape.causal = !paged;
  shape.query_tokens = paged ? 1 : longest;
  shape.kv_tokens = paged ? ceil_div(longest, page_tokens) * page_tokens : longest;
  // Every sequence has as many pages: what it does not see lies in them, too.
  const std::vector<std::int32_t> room(visible.size(), shape.kv_tokens);
  const auto rows = static_cast<std::size_t>(sequences * shape.query_tokens);
  const auto width = static_cast<std::size_t>(heads * head_dim);
  const auto q = random_numbers<Bf16>(rows * width, 5);
  CudnnOperands on;
  on.q = place.put(q);
  Bf16* out = place.put(std::vector<Bf16>(rows * width));
  on.out = out;
  on.scale = 1 / std::sqrt(static_cast<float>(head_dim));

  double worst = 0;
  const auto compare = [&](const std::vector<double>& want, const Bf16* got) {
    for (std::size_t d = 0; d < want.size(); ++d)
      worst = std::max(worst, std::abs(want[d] - real(got[d])));
  };
  const Stream stream;
  if (paged) {
    const PagedCache<Bf16> cache(room, kv_heads, head_dim, shift, false, 11);
    const KvPages pages = cache.put(place);
    shape.page_tokens = page_tokens;
    shape.table_pages = shape.kv_tokens / page_tokens;
    shape.pages = std::int64_t{sequences} * shape.table_pages;
    on.k = pages.k;
    on.v = pages.v;
    on.table = pages.table;
    on.query_lengths = place.put(std::vector<std::int32_t>(visible.size(), 1));
    on.kv_lengths = place.put(visible);
    cudnn.attend(shape, on, stream);
    stream.synchronize();
    const auto got = place.get(out, rows * width);
    for (int s = 0; s < sequences; ++s)
      for (int h = 0; h < heads; ++h) {
        const auto from = static_cast<std::size_t>((s * heads + h) * head_dim);
        compare(cache.attend(q.data() + from, s, h / (heads / kv_heads), visible[at(s)],
                             static_cast<double>(on.scale)),
                got.data() + from);
      }
  } else {
    const std::size_t numbers = at(longest) * at(kv_heads) * at(head_dim);
    const auto k = random_numbers<Bf16>(numbers, 6), v = random_numbers<Bf16>(numbers, 7);
    on.k = place.put(k);
    on.v = place.put(v);
    cudnn.attend(shape, on, stream);
    stream.synchronize();
    const auto got = place.get(out, rows * width);
    for (int i = 0; i < longest; ++i)
      for (int h = 0; h < heads; ++h) {
        const auto from = static_cast<std::size_t>((i * heads + h) * head_dim);
        const auto row = [&](const std::vector<Bf16>& of, int token) {
          return of.data() + (token * kv_heads + h / (heads / kv_heads)) * head_dim;
        };
        std::vector<double> want(at(head_dim), 0.0), weights;
        for (int token = 0; token <= i; ++token) {
          double score = 0;
          for (int d = 0; d < head_dim; ++d)
            score += real(q[from + at(d)]) * real(row(k, token)[d]);
          weights.push_back(std::exp(score * static_cast<double>(on.scale)));
        }
        const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
        for (int token = 0; token <= i; ++token)
          for (int d = 0; d < head_dim; ++d)
            want[at(d)] += weights[at(token)] / sum * real(row(v, token)[d]);
        compare(want, got.data() + from);
      }
  }
  // Probabilities and the result are rounded once each, |v| <= 1.
  INFO("largest error " << worst);
  CHECK(worst <= 2 * rounding<Bf16>());
}

TEST_CASE("cuDNN's attention equals the reference on a GPU", "[cuda][gpu][cudnn]") {
  on_gpu([](Place& place) {
    std::unique_ptr<CudnnAttention> cudnn;
    try {
      cudnn = std::make_unique<CudnnAttention>();
    } catch (const NotPossible& none) {
      WARN("skipped: " << none.what());
      return;
    }
    const auto check = [&](const std::vector<std::int32_t>& visible, int kv_heads, int head_dim,
                           int page_tokens) {
      try {
        check_attention(place, *cudnn, visible, kv_heads, head_dim, page_tokens);
      } catch (const NotPossible& older) {
        WARN("skipped: " << older.what());
      }
    };
    check({256}, 8, 64, 0);
    check({192}, 2, 128, 0);
    check({100, 128}, 2, 128, 16);
    check({1, 64, 33}, 8, 64, 16);
  });
}

}  // namespace
}  // namespace terrace::cuda
