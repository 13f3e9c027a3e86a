// The contracts of conv2d, gemm and batch norm fulfilled by oneDNN (github.com/oneapi-src/oneDNN), for
// comparison with our own kernels and as a second opinion in tests. Compiles against oneDNN 2.4 to 3.x.
//
// oneDNN has layouts of its own, so activations are converted from lanes to NCHW and on to the layout that
// it likes best at every call: this backend checks results. Its speed without the conversions is what
// `espalier bench conv` shows.
//
// Primitives are created at the first call with a shape and kept. Results need not be bitwise equal for
// different numbers of threads.
#pragma once

#include <string>

#include "kernels/conv2d/conv2d.h"
#include "kernels/gemm/gemm.h"
#include "kernels/norm/norm.h"

namespace espalier::kernels::onednn {

// "2.6.3"
std::string version();

// Null where oneDNN does not implement the shape.
const Conv2dKernel* conv2d(const Conv2dShape& shape, Conv2dPass pass);

void gemm_f32(const GemmShape& shape, const float* A, const float* B, float* C);

void batch_norm_fwd_training(const LaneShape& shape, const BatchNormFwd<>& args);
void batch_norm_fwd_inference(const LaneShape& shape, const BatchNormFwd<>& args);
void batch_norm_bwd(const LaneShape& shape, const BatchNormBwd<>& args);

}  // namespace espalier::kernels::onednn
