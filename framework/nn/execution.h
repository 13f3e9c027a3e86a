// Dense or sparse: which kernels a convolution or linear layer with pruned weights runs on, pass by pass.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "framework/nn/parameter.h"
#include "framework/ops/sparse_passes.h"
#include "framework/tune/layer_shape.h"

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

// What a pass runs on.
struct PassReport {
  std::string kernel;  // "conv2d_fwd_f32_wino4x4_avx2", "linear", "sparse 4x4"
  std::string why;     // "5.0% kept, pays below 11.3% (measured)"
};

// Owned by a layer: looks at its weight's mask again when that, or the shape of its input, has changed.
// Break-even densities are those of framework/tune.
class LayerExecution {
 public:
  void set(Execution execution);

  // For one call. Backward weights is sparse only while nobody reads the gradients of pruned weights; where
  // the optimizer takes it so, its gradient lies with weight.kept.
  ops::SparsePasses choose(Parameter& weight, const tune::LayerShape& shape);
  // What the latest call was given.
  const ops::SparsePasses& chosen() const { return chosen_; }

  // Of the latest call, by kernels::Conv2dPass; nothing before the first.
  std::optional<std::array<PassReport, 3>> report() const;

 private:
  void look_at(const Mask& mask);
  // The kept values as they are now, as a leaf that is the same until the mask changes; undefined where the
  // mask's leaf is of blocks of another size, which another shape of input chose.
  Tensor lay_out_kept(Parameter& weight);
  // Puts the whole weight away where no pass reads it.
  void leave_to_kept(Parameter& weight);
  double cost(kernels::Conv2dPass pass, int block_size, double density) const;
  // The three passes together, each on the faster of dense and sparse where there is a choice.
  double cost_of_step(int block_size, double density) const;
  // One object for each mask and size, whichever shapes alternate: it says what weight.kept is laid out by.
  std::shared_ptr<const SparsePattern> pattern_of(const Mask& mask, int block_size);
  PassReport report(kernels::Conv2dPass pass) const;
  std::string why_sparse_or_not(kernels::Conv2dPass pass) const;

  Execution execution_ = Execution::automatic;
  std::optional<tune::LayerShape> shape_;
  std::optional<std::uint64_t> looked_at_;  // the version of the mask
  // In single weights or blocks, whichever is faster for this mask; null: none pays.
  std::shared_ptr<const SparsePattern> pattern_;
  std::array<std::shared_ptr<const SparsePattern>, 2> patterns_;  // that were made, by size
  std::uint64_t patterns_version_ = 0;                            // of the mask that they were made of
  double density_ = 1.0;                                          // of the mask
  bool put_away_ = false;                                         // the weight, in an earlier call
  int calls_whole_ = 0;                                           // for so many more it is not
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

struct LayerReport {
  std::string layer;  // its path
  std::array<PassReport, 3> passes;
};
// Of every convolution and linear layer that was called.
std::vector<LayerReport> execution_report(Module& model);

}  // namespace espalier::nn
