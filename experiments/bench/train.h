// How fast a model trains: steps on one batch of random images, 32x32 or as a checkpoint's model takes them.
#pragma once

#include <cstdint>
#include <vector>

#include "experiments/bench/subject.h"
#include "framework/autograd/profile.h"

namespace espalier::bench {

struct TrainBenchOptions {
  SubjectOptions subject = {};
  std::int64_t batch = 128;
  DType precision = DType::f32;  // of activations and their gradients: f32 or bf16
  int steps = 10;                // that count; their median does
  int warm_up = 3;               // before them
};

struct TrainSpeed {
  double step_seconds = 0.0;
  double images_per_s = 0.0;
  std::int64_t macs = 0;                 // multiply-adds of one image's forward: nn::summary
  double gflops = 0.0;                   // of a step, taken as three forwards' multiply-adds
  double loss = 0.0;                     // of the last step
  std::vector<Profile::Row> operations;  // of all steps that count; the most time first
  std::int64_t tensor_bytes = 0;         // the most memory that tensors held at once
  std::int64_t process_bytes = 0;        // the most that the process had so far
  // What a step took from the system, the mean of those that count: blocks of memory for tensors, and pages
  // that the process had not touched before (minor page faults).
  double system_allocations = 0.0, page_faults = 0.0;
};

// Throws Error as find_subject does.
TrainSpeed measure_training(const TrainBenchOptions& options);

}  // namespace espalier::bench
