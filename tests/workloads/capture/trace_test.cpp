// Traces: what is read is what was written, within the storage; and no byte can change unseen.
#include "workloads/capture/trace.h"

#include <sys/resource.h>

#include <csignal>
#include <map>

#include "tests/workloads/capture/model_files.h"
#include "tests/workloads/requests/requests_from.h"
#include "workloads/capture/capture.h"
#include "workloads/capture/crc32.h"
#include "workloads/capture/full_attention.h"
#include "workloads/capture/llama_executor.h"

using namespace terrace;
using Catch::Matchers::Contains;

namespace {

KvTraceHeader small_header(std::int64_t tokens, TraceStorage storage) {
  KvTraceHeader h;
  h.model = "m";
  h.text = "t";
  h.shape = {3, 4, 2, 6, 10, 100, 0.4F, Rope(Rope::Pairing::halves, Rope::plain(10000, 6))};
  h.rope_base = 10000;
  h.layers = {0, 2};
  for (std::int32_t i = 0; i < tokens; ++i) {
    h.token_ids.push_back(i * 3);
    h.positions.push_back(i + 5);
  }
  h.has = {true, true, true, true, false, false, false, false, true, true};
  h.storage.fill(storage);
  return h;
}

struct Written {
  test::TemporaryFile place{"x", ""};
  std::string file = place.directory() + "a.trace";
  KvTraceHeader header;
  std::map<std::pair<std::int64_t, TraceTensor>, std::vector<float>>
      values;  // [heads][rows][columns]
  explicit Written(TraceStorage storage, std::int64_t tokens = 23) {
    header = small_header(tokens, storage);
    std::mt19937 random(4);
    KvTraceWriter out(file, header);
    for (const std::int64_t layer : header.layers)
      for (std::size_t i = 0; i < 10; ++i) {
        const auto t = static_cast<TraceTensor>(i);
        if (!header.holds(t)) continue;
        const std::int64_t heads = header.heads_of(t), rows = header.rows_of(t),
                           columns = header.columns_of(t);
        auto& all = values[{layer, t}];
        all = test::random_values(random, heads * rows * columns, 3);
        all[0] = 0;
        for (std::int64_t first = 0; first < rows; first += 9) {
          const std::int64_t n = std::min<std::int64_t>(9, rows - first);
          std::vector<float> part;
          for (std::int64_t h = 0; h < heads; ++h)
            part.insert(part.end(), all.begin() + (h * rows + first) * columns,
                        all.begin() + (h * rows + first + n) * columns);
          out.add(layer, t, first, n, part.data());
        }
      }
    out.finish();
  }
  std::string bytes() const {
    const MappedFile mapped(file);
    return std::string(mapped.bytes());
  }
};

std::string check(const std::string& bytes) {
  return test::error_of([&] { KvTrace(MappedFile("a.trace", bytes)).check(); });
}

}  // namespace

TEST_CASE("CRC-32 of 123456789 is CBF43926, as its standard says", "[capture]") {
  CHECK(crc32("123456789") == 0xCBF43926U);
  CHECK(crc32("") == 0);
}

TEST_CASE("a trace gives back what was written, within half a step of its storage", "[capture]") {
  for (const TraceStorage storage : {TraceStorage::int8, TraceStorage::fp16}) {
    const Written w(storage);
    const KvTrace trace(w.file);
    CHECK(trace.header().token_ids == w.header.token_ids);
    CHECK(trace.header().shape.rope.frequencies() == w.header.shape.rope.frequencies());
    CHECK(trace.header().shape.scale == w.header.shape.scale);
    for (const auto& [key, values] : w.values) {
      const KvTraceLayer layer = trace.layer(key.first, {key.second});
      const std::int64_t rows = w.header.rows_of(key.second),
                         columns = w.header.columns_of(key.second);
      for (std::int64_t h = 0; h < w.header.heads_of(key.second); ++h) {
        const MatrixView got = layer.of_head(key.second, h);
        REQUIRE(got.rows == rows);
        REQUIRE(got.columns == columns);
        for (std::int64_t r = 0; r < rows; ++r) {
          const float* expected = values.data() + (h * rows + r) * columns;
          const float top =
              std::abs(*std::max_element(expected, expected + columns, [](float a, float b) {
                return std::abs(a) < std::abs(b);
              }));
          for (std::int64_t j = 0; j < columns; ++j) {
            // int8: half of largest/127; fp16: half a unit in the last place, 2^-11 of the value.
            const float bound = storage == TraceStorage::int8
                                    ? top / 254 * 1.0001F
                                    : std::abs(expected[j]) * 0x1p-11F + 1e-8F;
            REQUIRE(std::abs(got.row(r)[j] - expected[j]) <= bound);
          }
        }
      }
    }
  }
}

TEST_CASE("pre-RoPE keys that are not stored are the stored ones rotated back", "[capture]") {
  const Written w(TraceStorage::int8);
  const KvTrace trace(w.file);
  const KvTraceLayer layer = trace.layer(2, {TraceTensor::q_raw, TraceTensor::k_raw});
  for (std::int64_t t = 0; t < trace.header().tokens(); ++t) {
    const float* raw = layer.k_raw(1).row(t);
    const float* k = layer.k(1).row(t);
    std::vector<float> turned(raw, raw + 6);
    w.header.shape.rope.rotate(turned.data(), t + 5);
    for (std::size_t i = 0; i < 6; ++i) CHECK(turned[i] == Approx(k[i]).margin(1e-5));
    // An orthogonal map: the error of the row is that of the storage, at most top/254 a channel.
    std::vector<float> exact(w.values.at({2, TraceTensor::k}).begin() + (23 + t) * 6,
                             w.values.at({2, TraceTensor::k}).begin() + (23 + t) * 6 + 6);
    double stored = 0, rotated = 0;
    std::vector<float> exact_raw = exact;
    w.header.shape.rope.rotate_back(exact_raw.data(), t + 5);
    for (std::size_t i = 0; i < 6; ++i) {
      stored += std::pow(static_cast<double>(exact[i] - k[i]), 2);
      rotated += std::pow(static_cast<double>(exact_raw[i] - raw[i]), 2);
    }
    CHECK(rotated == Approx(stored).epsilon(1e-3).margin(1e-9));
  }
}

TEST_CASE("what a trace lacks is an empty view, or an error with the layer", "[capture]") {
  const Written w(TraceStorage::fp16);
  const KvTrace trace(w.file);
  CHECK(trace.layer(0, {TraceTensor::residual}).residual().empty());
  CHECK(trace.layer(0).x().empty());  // held, but not asked for
  CHECK(!trace.layer(0, {TraceTensor::wk}).weights().key.empty());
  CHECK(trace.layer(0, {TraceTensor::wk}).weights().query.empty());
  CHECK_THAT(test::error_of([&] { trace.layer(1); }), Contains("layer 1 was not captured"));
}

TEST_CASE("a trace with any byte changed is refused, and a damaged chunk is named", "[capture]") {
  const Written w(TraceStorage::int8, 12);
  const std::string bytes = w.bytes();
  REQUIRE(check(bytes).empty());
  std::map<std::string, int> kinds;
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    std::string bad = bytes;
    bad[at] = static_cast<char>(bad[at] ^ (1 << at % 8));
    const std::string what = check(bad);
    INFO("byte " << at << " of " << bytes.size());
    REQUIRE(what.rfind("a.trace: ", 0) == 0);
    ++kinds[what.find("has a wrong checksum") != std::string::npos ? "chunk"
            : what.find("header's checksum") != std::string::npos  ? "header"
            : what.find("index's checksum") != std::string::npos   ? "index"
                                                                   : "frame"];
  }
  for (const char* kind : {"chunk", "header", "index", "frame"}) CHECK(kinds[kind] > 0);
  std::string bad = bytes;
  bad[bytes.find("\x28\xB5\x2F\xFD") + 9] ^= 1;  // in the first zstd frame
  CHECK_THAT(check(bad), Contains("chunk q of layer 0, rows 0 to 9 (byte "));
}

TEST_CASE("a trace cut off at any byte is refused", "[capture]") {
  const Written w(TraceStorage::fp16, 12);
  const std::string bytes = w.bytes();
  for (std::size_t n = 0; n < bytes.size(); ++n)
    REQUIRE(check(bytes.substr(0, n)).rfind("a.trace: ", 0) == 0);
}

TEST_CASE("a header with a right checksum and wrong contents is refused too", "[capture]") {
  const Written w(TraceStorage::int8, 12);
  const std::string bytes = w.bytes();
  const auto with = [&](const std::string& from, const std::string& to) {
    REQUIRE(from.size() == to.size());
    std::string bad = bytes;
    const std::size_t at = bad.find(from);
    REQUIRE(at != std::string::npos);
    bad.replace(at, from.size(), to);
    std::uint32_t size;
    std::memcpy(&size, bad.data() + 8, 4);
    const std::uint32_t crc = crc32(std::string_view(bad).substr(16, size));
    std::memcpy(bad.data() + 12, &crc, 4);
    return check(bad);
  };
  CHECK_THAT(with("\"kv_heads\":2", "\"kv_heads\":3"),
             Contains("a shape of 3 layers, 4 heads, 3 KV"));
  CHECK_THAT(with("\"kv_heads\":2", "\"kv_heads\":4"), Contains("has another size than its rows"));
  CHECK_THAT(with("\"version\":1", "\"version\":2"), Contains("version 2 is not supported"));
  CHECK_THAT(with("\"layers\":[0,2]", "\"layers\":[0,1]"), Contains("is not in the header"));
  CHECK_THAT(with("\"layers\":[0,2]", "\"layers\":[2,0]"), Contains("out of order"));
  CHECK_THAT(with("\"q\":\"int8\"", "\"q\":\"int4\""), Contains("\"q\" or its storage is unknown"));
  CHECK_THAT(with("\"hidden\":10", "\"hiden\":100"), Contains("hidden"));
  CHECK_THAT(with("\"hidden\":10", "\"hidden\":-1"), Contains("a shape of"));
}

TEST_CASE("a value that fp16 cannot hold, and NaN, are errors and leave no file", "[capture]") {
  const test::TemporaryFile place("x", "");
  const std::string file = place.directory() + "b.trace";
  for (const auto& [bad, why] :
       {std::pair{70000.0F, "would hold 70000, more than fp16 can; store q as int8"},
        std::pair{std::nanf(""), "would hold NaN or infinity"}}) {
    const std::string what = test::error_of([&, value = bad] {
      KvTraceWriter out(file, small_header(1, TraceStorage::fp16));
      std::vector<float> q(24, 1);
      q[7] = value;
      out.add(0, TraceTensor::q, 0, 1, q.data());
    });
    CHECK_THAT(what, Contains(why));
  }
  CHECK(std::distance(std::filesystem::directory_iterator(place.directory()), {}) == 1);
}

TEST_CASE("a disk that is full is one line, and nothing is left on it", "[capture]") {
  const test::TemporaryFile place("x", "");
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before = {};
  ::getrlimit(RLIMIT_FSIZE, &before);
  const rlimit small = {20000, before.rlim_max};
  ::setrlimit(RLIMIT_FSIZE, &small);
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  const std::string text(400, 'a');
  CaptureOptions options;
  options.tokens = 60;
  options.storage = parse_storage("fp16");
  options.tensors = parse_tensors("q,k,v,x,q_raw,k_raw,residual,wq,wk,wv");
  const std::string what = test::error_of([&] {
    const KvTraceHeader header = plan_capture(m, MappedFile("t.txt", text), options);
    capture(m, header, 16, place.directory() + "c.trace");
  });
  ::setrlimit(RLIMIT_FSIZE, &before);
  CHECK_THAT(what, Contains("c.trace: File too large"));
  CHECK(std::distance(std::filesystem::directory_iterator(place.directory()), {}) == 1);
}

TEST_CASE("a captured trace holds what the model's attention was given", "[capture]") {
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  const test::TemporaryFile place("x", "");
  const std::string text = "Once upon a time there was a very small model of sixteen channels.";
  CaptureOptions options;
  options.tokens = 40;
  options.offset = 5;
  options.layers = parse_layers("1", 2);
  options.tensors = parse_tensors("q,k,v,x,k_raw,wk");
  options.storage = parse_storage("fp16,q=int8");
  const KvTraceHeader header = plan_capture(m, MappedFile("t.txt", text), options);
  std::vector<std::int64_t> seen;
  const double nats = capture(m, header, 16, place.directory() + "d.trace",
                              [&](std::int64_t done) { seen.push_back(done); });
  CHECK(seen == std::vector<std::int64_t>{16, 32, 40});
  CHECK(nats > 0);

  const KvTrace trace(place.directory() + "d.trace");
  CHECK(trace.header().tokens() == 40);
  CHECK(trace.header().token_ids[0] == 1);  // the start,
  CHECK(trace.header().token_ids[1] ==
        3 + text[4]);  // the space that the tokenizer adds, and 4 letters are left out
  CHECK(trace.header().text_hash.size() == 40);
  FullAttention full;
  LlamaExecutor e(m, full);
  e.run(header.token_ids);
  const KvTraceLayer layer = trace.layer(1, {TraceTensor::k, TraceTensor::v});
  for (std::int64_t h = 0; h < 2; ++h)
    for (std::int64_t i = 0; i < 40 * 4; ++i) {
      REQUIRE(layer.k(h).data[i] == Approx(full.keys(1, h).data[i]).epsilon(1e-3).margin(1e-4));
      REQUIRE(layer.v(h).data[i] == Approx(full.values(1, h).data[i]).epsilon(1e-3).margin(1e-4));
    }
}

TEST_CASE("a capture that does not fit the text or the model says so", "[capture]") {
  const LlamaModel m = test::gguf_model(test::tiny_gguf());
  const auto plan = [&](const std::string& text, std::int64_t tokens, std::int64_t offset) {
    CaptureOptions options;
    options.tokens = tokens;
    options.offset = offset;
    return test::error_of([&] { plan_capture(m, MappedFile("t.txt", text), options); });
  };
  CHECK_THAT(plan("abc", 30, 0), Contains("t.txt: has 5 tokens after the first 0; 30 are wanted"));
  CHECK_THAT(plan("abc", 0, 4), Contains("has 4 tokens: none is left after leaving out 4"));
  CHECK_THAT(plan(std::string(100, 'x'), 65, 0), Contains("more than the model's context of 64"));
  CHECK_THAT(plan("ab\ncd\xFF", 0, 0), Contains("t.txt: line 2: not UTF-8 text (byte 0xff at 5)"));
}

TEST_CASE("lists of layers, tensors and storage are read, or refused with a reason", "[capture]") {
  CHECK(parse_layers("7,0..2", 8) == std::vector<std::int64_t>{0, 1, 2, 7});
  CHECK_THROWS_WITH(parse_layers("8", 8), "\"8\" is no layer: the model's are 0..7");
  CHECK_THROWS_WITH(parse_layers("3..1", 8), "layers \"3..1\" run backwards");
  CHECK_THROWS_WITH(parse_layers("1,0..2", 8), "a layer is named twice in \"1,0..2\"");
  CHECK_THROWS_WITH(parse_layers("", 8), Contains("is no layer"));
  CHECK_THROWS_WITH(parse_tensors("q,z"), Contains("no tensor \"z\" (q, k, v, x, "));
  CHECK(parse_storage("int8,k=fp16")[1] == TraceStorage::fp16);
  CHECK(parse_storage("int8,k=fp16")[0] == TraceStorage::int8);
  CHECK_THROWS_WITH(parse_storage("int4"), "storage \"int4\" (int8 and fp16 are possible)");
}
