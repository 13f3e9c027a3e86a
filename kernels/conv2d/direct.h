// The direct kernels as rows of kernels.inc. Together they serve any shape, on every ISA.
#pragma once

#include "kernels/conv2d/direct_gather.h"
#include "kernels/conv2d/direct_weights.h"
#include "kernels/conv2d/lane_weights.h"

namespace espalier::kernels {
namespace {

bool any_shape(const Conv2dShape&) { return true; }

}  // namespace
}  // namespace espalier::kernels

// Defines the rows of one ISA: the file that is compiled for it says its name.
#define ESPALIER_DIRECT_KERNEL(name, isa, pass, supports, scratch_bytes, ...)         \
  extern const Conv2dKernel name##_##isa;                                             \
  const Conv2dKernel name##_##isa = {#name "_" #isa, kVecIsa,       Conv2dPass::pass, \
                                     supports,       scratch_bytes, __VA_ARGS__}

#define ESPALIER_DIRECT_KERNELS(isa)                                                                  \
  ESPALIER_DIRECT_KERNEL(conv2d_fwd_f32_direct, isa, forward, any_shape, gather_scratch_bytes<false>, \
                         direct_forward, gather_prepared_bytes, prepare_gather);                      \
  ESPALIER_DIRECT_KERNEL(conv2d_bwd_data_f32_direct, isa, backward_data, any_shape,                   \
                         gather_scratch_bytes<true>, direct_backward_data);                           \
  ESPALIER_DIRECT_KERNEL(conv2d_bwd_weights_f32_direct, isa, backward_weights, any_shape,             \
                         direct_weights_scratch_bytes, direct_backward_weights);                      \
  ESPALIER_DIRECT_KERNEL(conv2d_bwd_weights_f32_lanes, isa, backward_weights, few_channels,           \
                         lane_weights_scratch_bytes, lane_backward_weights)
