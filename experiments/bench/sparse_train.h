// What removed weights save in training: whole steps of one model at several sparsities, beside its dense
// step.
//
// All take turns, round by round, so that what the machine does besides slows all alike; medians count. Every
// turn builds its model anew, so that the memory it is charged with is its own.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "experiments/bench/random_pruning.h"
#include "experiments/bench/subject.h"

namespace espalier::bench {

struct SparseTrainOptions {
  SubjectOptions subject = {};
  std::int64_t batch = 128;
  DType precision = DType::f32;    // of activations and their gradients: f32 or bf16
  std::vector<double> sparsities;  // of every layer that can be pruned; with filters, of the multiply-adds
  std::vector<Unit> units = {Unit::weight};
  int rounds = 7;
  int steps = 3;    // of a turn, that count
  int warm_up = 2;  // before them: the first makes patterns, the second is sparse in all three passes
};

// Which passes of a convolution or linear layer multiplied kept weights only, in the last step.
struct SparsePassesOf {
  std::string layer;
  bool forward = false, backward_data = false, backward_weights = false;
};

struct SparseTrainRow {
  Unit unit = Unit::none;  // none: as the model is, dense unless a checkpoint has masks
  double sparsity = 0.0;
  double density = 1.0;   // weights kept, of those that there are
  std::int64_t macs = 0;  // multiply-adds of one image's forward, masked ones too
  double step_seconds = 0.0;
  // Of the last turn: the first may measure kernels, too.
  std::int64_t tensor_bytes = 0;   // that its tensors took from the system
  std::int64_t process_bytes = 0;  // that the process had then; the benchmark itself included
  std::vector<SparsePassesOf> layers;
};

// The dense row first. Throws Error as find_subject and prune_at_random do.
std::vector<SparseTrainRow> measure_sparse_training(const SparseTrainOptions& options);

}  // namespace espalier::bench
