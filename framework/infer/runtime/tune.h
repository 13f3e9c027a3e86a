// The time of a convolution by trying it.
#pragma once

#include "framework/infer/runtime/convolution.h"

namespace espalier::infer {

// Runs convolutions of one shape over buffers of its own.
class ConvolutionTimer {
 public:
  // `bytes_between`: of other memory, walked before each run: what else the network reads before it comes
  // back to these weights.
  ConvolutionTimer(const kernels::Conv2dShape& shape, bool residual, std::int64_t bytes_between);

  // One run, in seconds.
  double operator()(const Convolution& convolution);

 private:
  Memory src_, dst_, residual_, between_, scratch_;
};

}  // namespace espalier::infer
