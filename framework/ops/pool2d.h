// What the two poolings over windows share.
#pragma once

#include "framework/tensor/tensor.h"
#include "kernels/pool/pool.h"

namespace espalier::ops {

struct Pool2dOptions {
  int kernel = 2;   // windows of kernel x kernel pixels
  int stride = 0;   // 0: kernel, so that windows lie side by side
  int padding = 0;  // pixels on either side, at most half of kernel
};

// The shape that the kernels take; throws Error when x or the options do not fit.
kernels::PoolShape checked_pool_shape(const Tensor& x, const Pool2dOptions& options, const char* op);

}  // namespace espalier::ops
