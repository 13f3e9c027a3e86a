// The Winograd kernels as rows of kernels.inc, for both element types.
#pragma once

#include "kernels/conv2d/winograd_bwd_weights.h"
#include "kernels/conv2d/winograd_fwd.h"

// Defines the rows of one ISA: the file that is compiled for it says its name.
#define ESPALIER_WINOGRAD_KERNEL(name, isa, kernel) \
  extern const Conv2dKernel name##_##isa;           \
  const Conv2dKernel name##_##isa = kernel(#name "_" #isa)

#define ESPALIER_WINOGRAD_KERNELS(isa)                                                                    \
  ESPALIER_WINOGRAD_KERNEL(conv2d_fwd_f32_wino4x4, isa, winograd_forward_kernel<float>);                  \
  ESPALIER_WINOGRAD_KERNEL(conv2d_fwd_bf16_wino4x4, isa, winograd_forward_kernel<Bf16>);                  \
  ESPALIER_WINOGRAD_KERNEL(conv2d_bwd_data_f32_wino4x4, isa, winograd_backward_data_kernel<float>);       \
  ESPALIER_WINOGRAD_KERNEL(conv2d_bwd_data_bf16_wino4x4, isa, winograd_backward_data_kernel<Bf16>);       \
  ESPALIER_WINOGRAD_KERNEL(conv2d_bwd_weights_f32_wino4x4, isa, winograd_backward_weights_kernel<float>); \
  ESPALIER_WINOGRAD_KERNEL(conv2d_bwd_weights_bf16_wino4x4, isa, winograd_backward_weights_kernel<Bf16>)
