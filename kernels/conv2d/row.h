// How a file defines rows of kernels.inc.
#pragma once

#include "kernels/conv2d/conv2d.h"

// The row `name` of an ISA, from a Conv2dKernel.
#define ESPALIER_CONV2D_ROW(name, isa, ...) \
  extern const Conv2dKernel name##_##isa;   \
  const Conv2dKernel name##_##isa = __VA_ARGS__

// The same from what a Conv2dKernel has after its name and ISA.
#define ESPALIER_CONV2D_KERNEL(name, isa, pass, ...) \
  ESPALIER_CONV2D_ROW(name, isa, {#name "_" #isa, Isa::isa, Conv2dPass::pass, __VA_ARGS__})
