// Linear layer over activations in lanes with sparse weights: the layer of kernels/gemm/gemm.h, in which only
// kept blocks of the weights are multiplied. A block is b output x b input features; with b = 1 it is a
// single weight, and the sparsity unstructured.
//
//   dst[n, t, oc] = bias[oc] + sum over kept (oc, ic) of  w[oc, ic] * src[n, t, ic]
//
//   values, diff_values  [count][b output features][b input features]    in the order of `by_output`
//
// Blocks and arguments are those of kernels/spconv2d/spconv2d.h with one tap, and so are its promises.
#pragma once

#include "kernels/gemm/gemm.h"
#include "kernels/spconv2d/spconv2d.h"

namespace espalier::kernels {

struct SpLinearKernels {
  Isa isa;
  // May depend on num_threads().
  std::size_t (*scratch_bytes)(const LinearShape&, const SparseBlocks&, Conv2dPass);
  void (*run)(const LinearShape&, const SparseBlocks&, Conv2dPass, const SpConv2dArgs&);
};

inline const SpLinearKernels& splinear() { return active_kernels<SpLinearKernels>(); }

}  // namespace espalier::kernels
