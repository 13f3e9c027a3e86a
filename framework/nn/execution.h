// Dense or sparse: which kernels a convolution or linear layer with pruned weights runs on, pass by pass.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "framework/nn/parameter.h"
#include "framework/ops/sparse_passes.h"
#include "kernels/conv2d/conv2d.h"

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

// The density below which sparse kernels are the faster ones, by pass and size of blocks; 0: never.
using BreakEven = std::function<double(kernels::Conv2dPass, int block_size)>;

// Owned by a layer: looks at its weight's mask again when that has changed.
class LayerExecution {
 public:
  void set(Execution execution) { execution_ = execution; }

  // For one call. Backward weights is sparse only while nobody reads the gradients of pruned weights.
  ops::SparsePasses choose(const Parameter& weight, const BreakEven& break_even);
  // What the latest call was given.
  const ops::SparsePasses& chosen() const { return chosen_; }

 private:
  void look_at(const Mask& mask, const BreakEven& break_even);

  Execution execution_ = Execution::automatic;
  std::uint64_t version_ = 0;  // of the mask that was looked at
  // In single weights or blocks, whichever is faster for this mask; null: it prunes nothing.
  std::shared_ptr<const SparsePattern> pattern_;
  ops::SparsePasses chosen_;
};

// Of every convolution and linear layer in the model.
void set_execution(Module& model, Execution execution);

// How many layers were sparse in their latest call.
struct SparseLayers {
  int layers = 0;  // convolutions and linear layers
  int forward = 0, backward_data = 0, backward_weights = 0;
};
SparseLayers sparse_layers(Module& model);

}  // namespace espalier::nn
