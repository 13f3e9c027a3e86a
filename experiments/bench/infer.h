// How fast a compiled model infers: one call after the other on a batch of random images.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/bench/random_pruning.h"
#include "experiments/bench/subject.h"
#include "framework/infer/plan.h"

namespace espalier::bench {

struct InferBenchOptions {
  SubjectOptions subject = {};
  double sparsity = 0.0;  // removed before compiling: prune_at_random
  Unit unit = Unit::weight;
  std::int64_t batch = 1;
  bool tune = false;
  int calls = 200;   // that count
  int warm_up = 20;  // before them
};

struct InferSpeed {
  double p50_seconds = 0.0, p99_seconds = 0.0, best_seconds = 0.0;  // of a call
  double images_per_s = 0.0;                                        // at the median
  std::int64_t macs = 0;                                            // multiply-adds of one image, dense
  double gflops = 0.0;                                              // of these
  double compile_seconds = 0.0;
  infer::Plan plan;
  std::vector<double> step_seconds;  // the shortest time of each of the plan's steps
};

// Throws Error as find_subject and prune_at_random do.
InferSpeed measure_inference(const InferBenchOptions& options);

}  // namespace espalier::bench
