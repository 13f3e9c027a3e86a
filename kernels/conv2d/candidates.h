// The kernels among which a measurement may choose.
#pragma once

#include <string_view>
#include <vector>

#include "kernels/conv2d/conv2d.h"

namespace espalier::kernels {

// The best eligible row of each algorithm that supports the shape. The first is select_conv2d()'s: what the
// order of kernels.inc says, without measuring.
std::vector<const Conv2dKernel*> conv2d_candidates(const Conv2dShape& shape, Conv2dPass pass);

// The row of that name; null unless this process can run it for the shape and pass.
const Conv2dKernel* find_conv2d(std::string_view name, const Conv2dShape& shape, Conv2dPass pass);

// "wino4x4" of "conv2d_fwd_f32_wino4x4_avx2"
std::string_view conv2d_algorithm(std::string_view kernel);

}  // namespace espalier::kernels
