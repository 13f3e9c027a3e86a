// What may happen around the steps of a training loop: metrics files, checkpoints, progress on a terminal,
// evaluation.
#pragma once

#include <cstdint>

#include "framework/train/metrics.h"

namespace espalier::train {

// Where training stands: with the tensors' state, all that a resumed run needs.
struct Progress {
  std::int64_t epoch = 0;  // epochs that are done
  std::int64_t batch = 0;  // batches of the next one that are done
  std::int64_t step = 0;   // optimizer steps that are done
  Metrics metrics;         // of these batches
};

struct StepReport {
  const Progress& progress;  // the step counted
  double loss;
  double lr;
  std::int64_t images;  // of the batch
};

struct EpochReport {
  const Progress& progress;  // the epoch counted, its metrics no more there
  std::int64_t epoch;        // the one that ended, from 1
  Metrics training;
  double seconds;  // since its start, or since the run was resumed in it
  double lr;       // of its last step
};

// Called in the order in which they were added.
class Callback {
 public:
  virtual ~Callback() = default;
  virtual void on_step(const StepReport&) {}
  virtual void on_epoch_end(const EpochReport&) {}
};

}  // namespace espalier::train
