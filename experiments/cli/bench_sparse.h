// What `espalier bench sparse` prints.
#pragma once

#include "experiments/bench/sparse.h"

namespace espalier::cli {

// Runs the benchmark; one JSON object a line, or a table with the sums over the network.
void print_sparse_json(const bench::SparseBenchOptions& options);
void print_sparse_table(const bench::SparseBenchOptions& options);

}  // namespace espalier::cli
