// What `terrace quality` found, as a page, as JSON and as rows of the database.
#pragma once

#include <string>
#include <vector>

#include "explore/quality_jobs.h"
#include "results/database.h"
#include "results/page.h"

namespace terrace {

// What the scenario's machine makes of a policy; nothing where it was not timed.
struct PolicyTiming {
  double decode_tokens_per_second = 0, batch = 0;
  double ttft = 0;  // s, of the request that waited least
};
std::optional<PolicyTiming> timing_of(const QualityJob& job);

std::vector<QualityFigure> figures(const QualityJob& job, const QualitySubject& subject);
std::vector<QualityRow> rows_of(const std::vector<QualityJob>& jobs, const QualitySubject& subject);
std::string json_of(const std::vector<QualityJob>& jobs, const QualitySubject& subject);

// "h2o:random": the loss of the one less that of the other, over all texts, with its confidence.
// Throws InputError for a label that no job has.
Grid compared(const std::vector<std::string>& comparisons, const std::vector<QualityJob>& jobs);

Page quality_page(const std::vector<QualityJob>& jobs, const QualitySubject& subject,
                  const QualityArguments& args, const std::vector<std::string>& left_out);

// What makes the same page again.
std::string command_of(const QualityArguments& args);

}  // namespace terrace
