// Dense or sparse: which kernels a convolution with pruned weights runs on, pass by pass.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "framework/nn/parameter.h"
#include "framework/ops/conv2d.h"

namespace espalier::nn {

class Module;

enum class Execution {
  automatic,  // sparse where the mask's density is below the break-even of the shape and pass
  dense,
  sparse,  // wherever there is a mask and a kernel
};

// "auto", "dense", "sparse"
const std::vector<std::string>& execution_names();
// Throws Error (usage) for another name.
Execution execution_from(const std::string& name);

// Owned by a convolution: looks at its weight's mask again when that has changed.
class ConvExecution {
 public:
  void set(Execution execution) { execution_ = execution; }

  // For one call. Backward weights is sparse only while nobody reads the gradients of pruned weights.
  ops::SparseConv2d choose(const Parameter& weight, const kernels::Conv2dShape& shape);
  // What the latest call was given.
  const ops::SparseConv2d& chosen() const { return chosen_; }

 private:
  void look_at(const Mask& mask, const kernels::Conv2dShape& shape);

  Execution execution_ = Execution::automatic;
  std::uint64_t version_ = 0;  // of the mask that was looked at
  // In single weights or blocks, whichever is faster for this mask; null: it prunes nothing.
  std::shared_ptr<const SparsePattern> pattern_;
  ops::SparseConv2d chosen_;
};

// Of every convolution in the model.
void set_execution(Module& model, Execution execution);

// How many convolutions were sparse in their latest call.
struct SparsePasses {
  int convolutions = 0;  // all of them
  int forward = 0, backward_data = 0, backward_weights = 0;
};
SparsePasses sparse_passes(Module& model);

}  // namespace espalier::nn
