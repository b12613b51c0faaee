// Teacher-forced decoding under a policy beside the full cache.
#include "workloads/kv/in_loop.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>
#include <limits>
#include <numeric>
#include <stdexcept>
#include <utility>

#include "workloads/capture/llama_executor.h"
#include "workloads/kv/policy_hook.h"

namespace terrace {
namespace {

constexpr std::int64_t chunk = 256;

// log(sum(exp(x))) of a row.
double log_sum(const float* x, std::int64_t n) {
  const float top = *std::max_element(x, x + n);
  double sum = 0;
  for (std::int64_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i] - top));
  return static_cast<double>(top) + std::log(sum);
}

std::int64_t first_of(const float* x, std::int64_t n) { return std::max_element(x, x + n) - x; }

}  // namespace

double InLoopQuality::perplexity() const { return std::exp(nll); }
double InLoopQuality::full_perplexity() const { return std::exp(full_nll); }

FullPredictions::FullPredictions(const LlamaModel& model, const std::vector<std::int32_t>& tokens,
                                 std::int64_t prompt)
    : tokens_(tokens), prompt_(prompt), vocabulary_(model.vocabulary), shared_(prompt) {
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (prompt < 1 || prompt >= count)
    throw std::invalid_argument("a prompt that leaves nothing to predict");
  LlamaExecutor executor(model, shared_);
  logits_.reserve(static_cast<std::size_t>((count - prompt) * vocabulary_));
  for (std::int64_t at = 0; at < count - 1; at += chunk) {
    const std::int64_t n = std::min(chunk, count - 1 - at);
    const MatrixView all = executor.run(tokens.data() + at, n, LlamaExecutor::Logits::all);
    for (std::int64_t i = std::max<std::int64_t>(0, prompt - 1 - at); i < n; ++i)
      logits_.insert(logits_.end(), all.row(i), all.row(i) + vocabulary_);
  }
  shared_.recorded();
}

MeanDifference mean_difference(const std::vector<const Losses*>& a,
                               const std::vector<const Losses*>& b, std::size_t batch) {
  std::vector<double> means;
  double sum = 0;
  std::size_t steps = 0;
  for (std::size_t text = 0; text < a.size(); ++text) {
    const Losses &x = *a[text], &y = *b.at(text);
    if (x.size() != y.size()) throw std::invalid_argument("losses that are not of the same steps");
    double of_batch = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      of_batch += x[i] - y[i];
      if ((i + 1) % batch == 0) means.push_back(std::exchange(of_batch, 0.0) / double(batch));
      sum += x[i] - y[i];
    }
    steps += x.size();
  }
  MeanDifference d;
  d.mean = steps > 0 ? sum / double(steps) : 0;
  d.half_width = std::numeric_limits<double>::infinity();
  if (means.size() < 2) return d;
  const auto n = double(means.size());
  const double mean = std::accumulate(means.begin(), means.end(), 0.0) / n;
  double squares = 0;
  for (const double m : means) squares += (m - mean) * (m - mean);
  const boost::math::students_t student(n - 1);
  d.half_width = boost::math::quantile(student, 0.975) * std::sqrt(squares / (n - 1) / n);
  return d;
}

InLoopQuality run_in_loop(const LlamaModel& model, const KvPolicy& policy,
                          const FullPredictions& full, const InLoopOptions& options) {
  const std::vector<std::int32_t>& tokens = full.tokens();
  const auto count = static_cast<std::int64_t>(tokens.size());
  InLoopQuality q;
  q.prompt = full.prompt();
  PolicyHook hook(policy, q.prompt, options.seed, options.calibration);
  LlamaExecutor executor(model, hook);
  const std::int64_t vocabulary = model.vocabulary;
  const auto judge = [&](std::int64_t at, const float* got) {  // logits of the token after `at`
    const float* reference = full.logits(at);
    const auto next = static_cast<std::size_t>(tokens[static_cast<std::size_t>(at + 1)]);
    const double norm = log_sum(got, vocabulary), full_norm = log_sum(reference, vocabulary);
    const double nll = norm - static_cast<double>(got[next]);
    const double full_nll = full_norm - static_cast<double>(reference[next]);
    double divergence = 0;
    for (std::int64_t v = 0; v < vocabulary; ++v) {
      const double p = static_cast<double>(reference[v]) - full_norm;
      divergence += std::exp(p) * (p - (static_cast<double>(got[v]) - norm));
    }
    q.losses.push_back(nll);
    q.full_losses.push_back(full_nll);
    q.nll += nll;
    q.full_nll += full_nll;
    q.divergence += divergence;
    q.agreement += first_of(got, vocabulary) == first_of(reference, vocabulary) ? 1 : 0;
    ++q.steps;
    if (options.progress) options.progress(q.steps, count - q.prompt);
  };
  q.full_prompt = full.shared().replay(hook);
  if (q.full_prompt) {
    executor.resume(q.prompt);
    judge(q.prompt - 1, full.logits(q.prompt - 1));
  } else {
    executor.begin();
    judge(q.prompt - 1, executor.run(tokens.data(), q.prompt).row(0));
  }
  // The text is known: a layer can take all its steps before the next layer takes its first.
  const std::int64_t together = hook.cache().couples_layers() ? 1 : options.together;
  for (std::int64_t at = q.prompt; at < count - 1; at += together) {
    const std::int64_t n = std::min(together, count - 1 - at);
    const MatrixView logits = executor.run(tokens.data() + at, n, LlamaExecutor::Logits::all);
    for (std::int64_t i = 0; i < n; ++i) judge(at + i, logits.row(i));
  }
  const auto n = static_cast<double>(q.steps);
  q.nll /= n;
  q.full_nll /= n;
  q.divergence /= n;
  q.agreement /= n;
  q.bytes_per_token = hook.cache().bits().sequence() / 8 / static_cast<double>(count - 1);
  return q;
}

}  // namespace terrace
