// The direct kernels as rows of kernels.inc: any shape, on every ISA.
#pragma once

#include "kernels/conv2d/direct_gather.h"
#include "kernels/conv2d/direct_weights.h"

namespace espalier::kernels {
namespace {

bool any_shape(const Conv2dShape&) { return true; }

constexpr Conv2dKernel direct_forward_kernel(const char* name) {
  return {name, kVecIsa, Conv2dPass::forward, any_shape, gather_scratch_bytes<false>, direct_forward};
}
constexpr Conv2dKernel direct_backward_data_kernel(const char* name) {
  return {
      name, kVecIsa, Conv2dPass::backward_data, any_shape, gather_scratch_bytes<true>, direct_backward_data};
}
constexpr Conv2dKernel direct_backward_weights_kernel(const char* name) {
  return {name,
          kVecIsa,
          Conv2dPass::backward_weights,
          any_shape,
          direct_weights_scratch_bytes,
          direct_backward_weights};
}

}  // namespace
}  // namespace espalier::kernels
