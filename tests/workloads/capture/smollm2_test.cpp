// SmolLM2-135M against llama.cpp: the same tokens, and logits within the rounding of floats.
//
// The expected figures were made with llama-cpp-python 0.3.36 and gguf 0.19.0 (PyPI): the Q4_1
// file's tensors were written as F32 with gguf.dequantize(), so that both work on the same weights
// without rounding activations, and then
//   m = llama_cpp.Llama(F32, n_ctx=2048, logits_all=True, type_k=0, type_v=0)
//   m.tokenize(text, add_bos=False, special=False); m.eval(ids[:256]); m.scores
#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/capture/capture.h"
#include "workloads/capture/full_attention.h"
#include "workloads/capture/llama_executor.h"
#include "workloads/capture/trace.h"

using namespace terrace;
using Ids = std::vector<std::int32_t>;

TEST_CASE("SmolLM2 cuts texts into llama.cpp's tokens", "[capture][smollm2][long]") {
  if (test::smollm2().empty()) return;
  const LlamaModel m = load_model(test::smollm2());
  CHECK(m.parameters() == 134515008);
  const std::string text =
      "It's 1984; naïve café costs €5.20!\n\n\tdef f(x):  return x**2  # 東京 🐈\r\n";
  const Ids ids = m.tokenizer->encode(text);
  CHECK(ids == Ids{1589, 506,   216,   33,  41,    40,   36,  43,   15486, 46494, 37366,
                   3499, 24927, 37,    30,  34,    32,   17,  1116, 197,   1604,  275,
                   24,   104,   727,   216, 1003,  1792, 828, 34,   216,   907,   17097,
                   247,  126,   16736, 122, 15107, 234,  226, 2738});
  CHECK(m.tokenizer->decode(ids) == text);
}

TEST_CASE("SmolLM2 goes on greedily as it does in llama.cpp", "[capture][smollm2][long]") {
  if (test::smollm2().empty()) return;
  const LlamaModel m = load_model(test::smollm2());
  FullAttention hook;
  LlamaExecutor e(m, hook);
  Ids ids = m.tokenizer->encode("Once upon a time");
  MatrixView logits = e.run(ids);
  while (ids.size() < 44) {
    ids.push_back(most_likely(logits));
    logits = e.run(&ids.back(), 1);
  }
  CHECK(m.tokenizer->decode(ids) ==
        "Once upon a time, the city of Nova Haven was a thriving metropolis, with towering "
        "skyscrapers and bustling streets. But as the years went by, the city began to lose its "
        "original essence. The once-blue skies of");
}

TEST_CASE("SmolLM2 reads Grimm as it does in llama.cpp", "[capture][smollm2][long][shared]") {
  if (test::smollm2().empty() || test::shared_is_absent()) return;
  const LlamaModel m = load_model(test::smollm2());
  const MappedFile text(test::shared_data() + "text/grimm.txt");
  Ids ids = m.tokenizer->encode(text.bytes());
  CHECK(ids.size() == 135576);
  CHECK(m.tokenizer->decode(ids) == text.bytes());
  CHECK(Ids(ids.begin(), ids.begin() + 24) == Ids{15964, 452, 23561, 2680, 389,  5810, 52,   1116,
                                                  198,   49,  1647,  4197, 761,  253,  3953, 4480,
                                                  28,    284, 281,   260,  4480, 9318, 253,  3187});
  ids.resize(256);
  FullAttention hook;
  LlamaExecutor e(m, hook);
  const MatrixView logits = e.run(ids, LlamaExecutor::Logits::all);
  double nats = 0;
  for (std::int64_t i = 0; i < 255; ++i)
    nats -= log_likelihood(logits.row(i), logits.columns, ids[static_cast<std::size_t>(i + 1)]);
  INFO("nats a token: " << nats / 255);
  CHECK(nats / 255 == Approx(2.686657).margin(2e-6));
  const Ids best = {592, 8177, 25232, 260, 441, 28, 198, 18927};
  const std::vector<double> largest = {20.08,  16.332, 18.374, 13.433,
                                       25.269, 18.862, 27.961, 21.23};
  for (std::size_t i = 0; i < best.size(); ++i) {
    const float* row = logits.row(static_cast<std::int64_t>(32 * i + 31));
    CHECK(most_likely({row, 1, logits.columns}) == best[i]);
    CHECK(static_cast<double>(row[best[i]]) == Approx(largest[i]).margin(1.5e-3));
  }
  const std::vector<double> last = {7.39918, -3.59265, -2.41812, -7.15959, -6.30567, -5.13058};
  for (std::size_t i = 0; i < last.size(); ++i)
    CHECK(static_cast<double>(logits.row(255)[i]) == Approx(last[i]).margin(1e-3));
}

TEST_CASE("the committed trace is whole, and its keys are its weights times its inputs",
          "[capture]") {
  const KvTrace trace(TERRACE_SOURCE_DIR "/configs/traces/smollm2_grimm.trace");
  trace.check();
  const KvTraceHeader& h = trace.header();
  CHECK(h.tokens() == 512);
  CHECK(h.layers == std::vector<std::int64_t>{0, 14, 15, 29});
  CHECK(h.shape.heads == 9);
  CHECK(h.shape.kv_heads == 3);
  CHECK(h.shape.head_dim == 64);
  CHECK(h.rope_base == 100000);
  CHECK(std::filesystem::file_size(TERRACE_SOURCE_DIR "/configs/traces/smollm2_grimm.trace") <=
        6U << 20U);
  // K = Wk X before the rotation, within the steps of int8 (x: fp16): the trace is of one and the
  // same layer.
  const KvTraceLayer layer = trace.layer(15, {TraceTensor::x, TraceTensor::k_raw, TraceTensor::wk});
  double error = 0, size = 0;
  for (std::int64_t t = 0; t < 512; t += 37)
    for (std::int64_t c = 0; c < 192; ++c) {
      double product = 0;
      for (std::int64_t j = 0; j < 576; ++j)
        product += static_cast<double>(layer.weights().key.row(c)[j]) *
                   static_cast<double>(layer.x().row(t)[j]);
      const double k = static_cast<double>(layer.k_raw(c / 64).row(t)[c % 64]);
      error += (product - k) * (product - k);
      size += k * k;
    }
  INFO("relative error " << std::sqrt(error / size));
  CHECK(std::sqrt(error / size) < 0.02);
}
