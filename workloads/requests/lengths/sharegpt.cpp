// Lengths like those of ShareGPT: people's conversations with a chatbot, a turn each.
// Source: the ShareGPT lengths of efeslab/Nanoflow (Apache-2.0); 58,787 requests, none left out:
// the longest prompt has 241,402 tokens. Serving benchmarks mostly cut the tail: see max_input.
// Fit, by scripts/fit_lengths (piecewise linear CDFs, ranks by deciles):
//   input: 58787 values, KS 0.0095; fit (sample): mean 305.1 (298.8), p10 9 (9), p50 36 (36), p90
//     891 (829), p99 3463 (3474)
//   input: a lognormal (median 55.1, sigma 1.716) has KS 0.102
//   output: 58787 values, KS 0.0082; fit (sample): mean 325.7 (323.7), p10 40 (39), p50 281
//     (280), p90 693 (683), p99 1000 (999)
//   output: a lognormal (median 209.8, sigma 1.144) has KS 0.125
//   Spearman rho 0.1500; joint CDF of the ranks within 0.0102 of the table's, 0.0224 of a
//     Gaussian copula's
// State: none.
#include "sim/registry.h"
#include "workloads/requests/lengths/fitted.h"

namespace terrace {
namespace {

constexpr std::array<Knot, 44> input = {{{0, 0},
                                         {7, 0.0655417},
                                         {18, 0.309014},
                                         {26, 0.423002},
                                         {36, 0.503445},
                                         {47, 0.561093},
                                         {70, 0.634392},
                                         {98, 0.688673},
                                         {167, 0.756817},
                                         {308, 0.816405},
                                         {576, 0.872183},
                                         {1267, 0.933251},
                                         {1553, 0.947624},
                                         {2186, 0.96836},
                                         {2798, 0.981254},
                                         {3422, 0.989641},
                                         {3879, 0.99374},
                                         {4353, 0.995849},
                                         {4879, 0.997074},
                                         {5863, 0.997993},
                                         {6120, 0.998503},
                                         {6902, 0.998843},
                                         {8477, 0.999047},
                                         {9431, 0.999388},
                                         {11882, 0.999592},
                                         {11883, 0.99966},
                                         {11891, 0.999677},
                                         {11931, 0.999677},
                                         {11932, 0.999711},
                                         {15943, 0.999762},
                                         {15944, 0.999796},
                                         {22836, 0.99983},
                                         {22837, 0.999847},
                                         {23314, 0.999847},
                                         {23315, 0.999864},
                                         {27473, 0.999864},
                                         {27474, 0.999881},
                                         {36419, 0.999881},
                                         {36420, 0.999898},
                                         {37132, 0.999898},
                                         {37133, 0.999915},
                                         {66638, 0.999915},
                                         {66639, 0.999932},
                                         {241402, 1}}};

constexpr std::array<Knot, 32> output = {
    {{0, 0},           {45, 0.11392},    {226, 0.403303},  {332, 0.591644},  {399, 0.694235},
     {461, 0.766683},  {609, 0.869495},  {794, 0.937486},  {988, 0.988195},  {1019, 0.993026},
     {1045, 0.995509}, {1070, 0.997295}, {1095, 0.998163}, {1121, 0.998724}, {1176, 0.999201},
     {1321, 0.999422}, {1367, 0.999592}, {1733, 0.999677}, {1734, 0.999711}, {1837, 0.999728},
     {1853, 0.999779}, {2085, 0.999779}, {2086, 0.999813}, {2121, 0.999813}, {2128, 0.999847},
     {2381, 0.999847}, {2382, 0.999864}, {2410, 0.999864}, {2411, 0.999881}, {3317, 0.999881},
     {3318, 0.999915}, {37622, 1}}};

constexpr RankTable ranks = {{{{1700, 958, 704, 671, 613, 560, 416, 320, 236, 193}},
                              {{405, 605, 715, 661, 765, 706, 651, 497, 363, 259}},
                              {{298, 587, 657, 639, 807, 836, 802, 616, 557, 369}},
                              {{404, 481, 582, 608, 699, 677, 740, 739, 581, 463}},
                              {{364, 522, 445, 478, 543, 605, 653, 664, 678, 504}},
                              {{489, 594, 445, 546, 528, 570, 560, 715, 679, 667}},
                              {{524, 642, 469, 442, 514, 529, 537, 680, 697, 743}},
                              {{426, 536, 604, 573, 492, 581, 524, 613, 743, 774}},
                              {{516, 467, 648, 538, 436, 445, 555, 609, 755, 909}},
                              {{764, 497, 611, 713, 510, 413, 371, 459, 566, 973}}}};

class Sharegpt final : public FittedLengths {
 public:
  struct Params {
    static void fields(Schema<Params>&) {}
  };
  Sharegpt(const Params&, const Context&) : FittedLengths(input, output, ranks) {}
};

}  // namespace
TERRACE_REGISTER(RequestLengths, Sharegpt, "sharegpt", "like ShareGPT's conversations");
}  // namespace terrace
