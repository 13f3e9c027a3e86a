// The Winograd kernels as rows of kernels.inc.
#pragma once

#include "kernels/conv2d/row.h"
#include "kernels/conv2d/winograd_bwd_weights.h"
#include "kernels/conv2d/winograd_fwd.h"

// Defines the three passes of one algorithm over one element type, for the ISA whose name the file bears.
#define ESPALIER_WINOGRAD_KERNEL(name, isa, ...) \
  static_assert(kCompiledIsa == Isa::isa);       \
  ESPALIER_CONV2D_ROW(name, isa, __VA_ARGS__(#name "_" #isa, Isa::isa))

#define ESPALIER_WINOGRAD_KERNELS(element, T, algorithm, A, isa)                                    \
  ESPALIER_WINOGRAD_KERNEL(conv2d_fwd_##element##_##algorithm, isa, winograd_forward_kernel<A, T>); \
  ESPALIER_WINOGRAD_KERNEL(conv2d_bwd_data_##element##_##algorithm, isa,                            \
                           winograd_backward_data_kernel<A, T>);                                    \
  ESPALIER_WINOGRAD_KERNEL(conv2d_bwd_weights_##element##_##algorithm, isa,                         \
                           winograd_backward_weights_kernel<A, T>)

// Small planes, forward: sub-images of a single image above all.
#define ESPALIER_SMALL_WINOGRAD_KERNEL(isa) \
  ESPALIER_WINOGRAD_KERNEL(conv2d_fwd_f32_wino2x2, isa, small_winograd_forward_kernel)
