// Lengths like those of Kimi's conversations: long prompts, since they hold what was said before.
// Source: conversation_trace.jsonl, kvcache-ai/Mooncake (Apache-2.0); Qin et al., "Mooncake", FAST
// 2025. 12,031 requests. What their prompts share is not part of the fit.
// Fit, by scripts/fit_lengths (piecewise linear CDFs, ranks by deciles):
//   input: 12031 values, KS 0.0092; fit (sample): mean 12083.1 (12035.1), p10 982 (964), p50 7013
//     (6909), p90 27504 (27367), p99 86683 (85401)
//   input: a lognormal (median 6227.3, sigma 1.199) has KS 0.067
//   output: 12031 values, KS 0.0070; fit (sample): mean 343.5 (342.6), p10 25 (24), p50 351
//     (350), p90 599 (597), p99 1140 (1120)
//   output: a lognormal (median 207.8, sigma 1.358) has KS 0.212
//   Spearman rho 0.0717; joint CDF of the ranks within 0.0062 of the table's, 0.0123 of a
//     Gaussian copula's
// State: none.
#include "sim/registry.h"
#include "workloads/requests/lengths/fitted.h"

namespace terrace {
namespace {

constexpr std::array<Knot, 38> input = {
    {{890, 0},           {903, 0.0585986},   {917, 0.0793783},   {1019, 0.111961},
     {1560, 0.19084},    {2145, 0.240628},   {6331, 0.474524},   {10502, 0.630372},
     {16016, 0.765855},  {20309, 0.837503},  {28643, 0.909899},  {34447, 0.938575},
     {43238, 0.958607},  {52225, 0.97016},   {75504, 0.986618},  {98032, 0.993434},
     {100381, 0.99493},  {111470, 0.995761}, {112877, 0.996177}, {113294, 0.996841},
     {115242, 0.996925}, {115637, 0.99734},  {118424, 0.997506}, {118473, 0.998171},
     {118505, 0.998255}, {118792, 0.998421}, {121297, 0.998836}, {121301, 0.999003},
     {121471, 0.999086}, {121923, 0.999086}, {121927, 0.999252}, {122765, 0.999252},
     {122766, 0.999335}, {122888, 0.999335}, {122891, 0.999501}, {123191, 0.999501},
     {123194, 0.999668}, {126195, 1}}};

constexpr std::array<Knot, 23> output = {
    {{0, 0},           {2, 0.00656637},  {3, 0.0277616},   {18, 0.0822874}, {42, 0.145458},
     {203, 0.289419},  {272, 0.37046},   {353, 0.504779},  {467, 0.743247}, {515, 0.816474},
     {569, 0.879312},  {624, 0.918211},  {694, 0.949215},  {836, 0.975314}, {1033, 0.988031},
     {1342, 0.993766}, {1582, 0.995096}, {1918, 0.995678}, {1957, 0.99601}, {1961, 0.996592},
     {1986, 0.996841}, {1999, 0.997506}, {2000, 1}}};

constexpr RankTable ranks = {{{{153, 167, 165, 115, 107, 101, 101, 93, 113, 90}},
                              {{128, 173, 144, 132, 103, 112, 96, 100, 105, 110}},
                              {{129, 130, 112, 106, 98, 79, 115, 107, 137, 189}},
                              {{90, 105, 137, 141, 154, 138, 106, 124, 98, 110}},
                              {{112, 104, 129, 133, 114, 122, 143, 113, 140, 93}},
                              {{124, 117, 121, 117, 121, 125, 140, 116, 122, 100}},
                              {{94, 99, 109, 120, 144, 138, 147, 134, 111, 107}},
                              {{120, 92, 112, 125, 130, 124, 135, 140, 126, 99}},
                              {{129, 118, 90, 105, 118, 144, 109, 128, 121, 141}},
                              {{140, 91, 83, 108, 117, 122, 114, 136, 132, 160}}}};

class MooncakeConversation final : public FittedLengths {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  MooncakeConversation(const Params&, const Context&) : FittedLengths(input, output, ranks) {}
};

}  // namespace
TERRACE_REGISTER(RequestLengths, MooncakeConversation, "mooncake_conversation",
                 "like Kimi's conversations (Mooncake)");
}  // namespace terrace
