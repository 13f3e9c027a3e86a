// The direct kernels as rows of kernels.inc. Together they serve any shape, on every ISA.
#pragma once

#include "kernels/conv2d/direct_gather.h"
#include "kernels/conv2d/direct_weights.h"
#include "kernels/conv2d/lane_weights.h"
#include "kernels/conv2d/row.h"

namespace espalier::kernels {
namespace {

template <class Product>
bool any_shape(const Conv2dShape& s) {
  return s.element == element_of<typename Product::Element>;
}

}  // namespace
}  // namespace espalier::kernels

// Defines the rows of one ISA: the file that is compiled for it says its name. Of f32 only, the forward pass
// takes prepared weights, and a residual and a ReLU: they follow sums that were stored.
#define ESPALIER_DIRECT_BF16_KERNELS(isa)                                                               \
  static_assert(kCompiledIsa == Isa::isa);                                                              \
  ESPALIER_CONV2D_KERNEL(conv2d_fwd_bf16_direct, isa, forward, any_shape<Bf16Product>,                  \
                         gather_scratch_bytes<Bf16Product, false>, direct_forward<Bf16Product>);        \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_data_bf16_direct, isa, backward_data, any_shape<Bf16Product>,       \
                         gather_scratch_bytes<Bf16Product, true>, direct_backward_data<Bf16Product>,    \
                         nullptr, nullptr, true);                                                       \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_weights_bf16_direct, isa, backward_weights, any_shape<Bf16Product>, \
                         direct_weights_scratch_bytes<Bf16Product>, direct_backward_weights<Bf16Product>)

#define ESPALIER_DIRECT_KERNELS(isa)                                                                        \
  ESPALIER_CONV2D_KERNEL(conv2d_fwd_f32_direct, isa, forward, any_shape<F32Product>,                        \
                         gather_scratch_bytes<F32Product, false>, direct_forward<F32Product>,               \
                         gather_prepared_bytes, prepare_gather);                                            \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_data_f32_direct, isa, backward_data, any_shape<F32Product>,             \
                         gather_scratch_bytes<F32Product, true>, direct_backward_data<F32Product>, nullptr, \
                         nullptr, true);                                                                    \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_weights_f32_direct, isa, backward_weights, any_shape<F32Product>,       \
                         direct_weights_scratch_bytes<F32Product>, direct_backward_weights<F32Product>);    \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_weights_f32_lanes, isa, backward_weights, few_channels<float>,          \
                         lane_weights_scratch_bytes<float>, lane_backward_weights<float>);                  \
  ESPALIER_DIRECT_BF16_KERNELS(isa);                                                                        \
  ESPALIER_CONV2D_KERNEL(conv2d_bwd_weights_bf16_lanes, isa, backward_weights, few_channels<Bf16>,          \
                         lane_weights_scratch_bytes<Bf16>, lane_backward_weights<Bf16>)
