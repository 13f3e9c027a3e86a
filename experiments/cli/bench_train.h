// What `espalier bench train` prints.
#pragma once

#include "experiments/bench/sparse_train.h"
#include "experiments/bench/train.h"

namespace espalier::cli {

// Runs the benchmark; one JSON object, or the figures and a table of operations.
void print_train_json(const bench::TrainBenchOptions& options);
void print_train_table(const bench::TrainBenchOptions& options);

// The same at several sparsities: one JSON object, or one line of a table, for each.
void print_sparse_train_json(const bench::SparseTrainOptions& options);
void print_sparse_train_table(const bench::SparseTrainOptions& options);

}  // namespace espalier::cli
