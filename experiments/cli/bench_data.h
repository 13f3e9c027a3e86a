// What `espalier bench data` prints.
#pragma once

#include "experiments/bench/data.h"

namespace espalier::cli {

// Runs the benchmark; one JSON object, or one line of a table, for each augmentation.
void print_data_json(const bench::DataBenchOptions& options);
void print_data_table(const bench::DataBenchOptions& options);

}  // namespace espalier::cli
