// What `espalier bench infer` prints.
#pragma once

#include "experiments/bench/infer.h"

namespace espalier::cli {

// Runs the benchmark; one JSON object, or the figures and a table of the plan's steps.
void print_infer_json(const bench::InferBenchOptions& options);
void print_infer_table(const bench::InferBenchOptions& options);

}  // namespace espalier::cli
