// Passes of a layer over made-up operands, to be timed.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "framework/tensor/sparse/sparse_pattern.h"
#include "framework/tensor/tensor.h"
#include "framework/tune/layer_shape.h"

namespace espalier::tune {

// One way to compute a pass. It owns its buffers.
struct Trial {
  std::string name;  // the kernel's, or "sparse 4x4 at 12.5%"
  std::function<void()> run;
};

// Small numbers of both signs: zeros and denormals would be another speed. f32 or bf16.
Tensor noise(std::int64_t elements, DType dtype = DType::f32);

// Keeps blocks of b x b channels at one tap at random; `weights` is [OC, IC, KH, KW] or [OC, IC]. A denser
// pattern of the same shape keeps what a sparser one keeps.
std::shared_ptr<const SparsePattern> random_pattern(const Shape& weights, int block_size, double density);

// The operands of all passes. Activations in lanes, of the shape's element.
struct Operands {
  Tensor src, weights, dst;

  explicit Operands(const LayerShape& shape);
};

Shape weights_shape(const LayerShape& shape);

Trial dense_trial(const kernels::Conv2dKernel& kernel, const kernels::Conv2dShape& shape,
                  const Operands& operands);
Trial dense_trial(const kernels::LinearShape& shape, kernels::Conv2dPass pass, const Operands& operands);
Trial sparse_trial(const LayerShape& shape, kernels::Conv2dPass pass,
                   const std::shared_ptr<const SparsePattern>& pattern, const Operands& operands);

// The time of one run, in seconds.
using Stopwatch = std::function<double(const Trial&)>;
// The one that looks at the clock.
double seconds_of(const Trial& trial);

}  // namespace espalier::tune
