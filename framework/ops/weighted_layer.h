// What convolution and linear layer have in common: linear in x and in weights, with a bias, and each of
// three passes dense or sparse.
#pragma once

#include <functional>
#include <initializer_list>
#include <string_view>

#include "framework/autograd/node.h"
#include "framework/ops/sparse_passes.h"
#include "kernels/conv2d/conv2d.h"

namespace espalier::ops {

// The kernels of one layer's shape. Both take care of their scratch.
struct LayerKernels {
  std::function<void(kernels::Conv2dPass, const kernels::Conv2dArgs&)> dense;
  std::function<void(kernels::Conv2dPass, const SparsePattern&, const kernels::SpConv2dArgs&)> sparse;
  // Does dense backward data know Conv2dArgs::accumulate? Null: no.
  std::function<bool()> adds = nullptr;
};

// Computes and records y, of `y_shape`, in lanes. The first dimension of `weight` counts outputs; bias may be
// undefined. Inputs are already checked but for the pattern, which throws Error unless it fits.
Tensor weighted_layer(std::string_view op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                      const Shape& y_shape, const SparsePasses& sparse, const LayerKernels& kernels,
                      std::initializer_list<Attribute> attributes = {});

// Runs a kernel with its scratch from the tensors' allocator.
template <class Kernels, class LayerShape>
void run_sparse(const Kernels& kernels, const LayerShape& shape, kernels::Conv2dPass pass,
                const SparsePattern& pattern, kernels::SpConv2dArgs args) {
  const auto scratch_bytes = static_cast<std::int64_t>(kernels.scratch_bytes(shape, pattern.view(), pass));
  Tensor scratch = Tensor::empty({scratch_bytes}, Layout::plain, DType::u8);
  args.scratch = scratch.data<std::uint8_t>();
  kernels.run(shape, pattern.view(), pass, args);
}

}  // namespace espalier::ops
