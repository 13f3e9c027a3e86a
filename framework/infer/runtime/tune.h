// The time of a convolution by trying it.
#pragma once

#include "framework/infer/runtime/convolution.h"

namespace espalier::infer {

// The shortest of a few runs, in seconds. Between two runs so many bytes of other memory are walked: what
// else the network reads before it comes back to these weights.
double measure_convolution(const Convolution& convolution, const kernels::Conv2dShape& shape, bool residual,
                           std::int64_t bytes_between);

}  // namespace espalier::infer
