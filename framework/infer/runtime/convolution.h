// A convolution that is ready to run: one kernel, with the weights as that kernel wants them. Dense, or the
// weights that are not zero alone: whoever pruned them, zero is what they are now.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "framework/infer/runtime/memory.h"
#include "framework/infer/runtime/network.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::infer {

// What a convolution reads and writes besides its weights.
struct ConvolutionIo {
  const float* src = nullptr;
  const float* residual = nullptr;  // lies as dst; null: none
  float* dst = nullptr;
  void* scratch = nullptr;
};

class Convolution {
 public:
  virtual ~Convolution() = default;

  virtual std::size_t weight_bytes() const = 0;
  virtual std::size_t scratch_bytes() const = 0;
  // No allocation.
  virtual void run(const ConvolutionIo& io) const = 0;
};

enum class ConvolutionFormat { dense, kept, blocks };

// A way in which this machine can compute a layer of some shape.
struct Candidate {
  std::string kernel;
  ConvolutionFormat format = ConvolutionFormat::dense;
  const kernels::Conv2dKernel* dense = nullptr;
  int block = 1;      // blocks: side in channels
  double cost = 0.0;  // estimated, in multiply-adds of a vector of 16 lanes
};

// The part of a layer's weights that is not zero.
double weight_density(const Layer& layer);

// All ways, the cheapest by estimate first.
std::vector<Candidate> find_candidates(const Layer& layer, const kernels::Conv2dShape& shape);

// The convolution refers to the layer's bias; it keeps weights of its own.
std::unique_ptr<Convolution> build_convolution(const Candidate& candidate, const Layer& layer,
                                               const kernels::Conv2dShape& shape);

}  // namespace espalier::infer
