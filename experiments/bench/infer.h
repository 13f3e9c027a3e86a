// How fast a compiled model infers: one call after the other on a batch of random images.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "framework/infer/plan.h"

namespace espalier::bench {

struct InferBenchOptions {
  std::string model = "resnet18";           // a name in the model registry
  std::vector<std::string> overrides = {};  // of the model's keys: "width=32"
  std::string checkpoint = {};              // or, unless empty, a checkpoint or run whose model it is to be
  // Of every convolution's weights, the smallest so many are removed before compiling, whatever the model.
  double sparsity = 0.0;
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

// Throws Error (usage) for a sparsity that is no fraction, or as find_subject does.
InferSpeed measure_inference(const InferBenchOptions& options);

}  // namespace espalier::bench
