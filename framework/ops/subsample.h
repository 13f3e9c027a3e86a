#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The shortcut without parameters of a residual network (He et al., arXiv:1512.03385, option A): every
// `stride`-th pixel, between new channels of zeros, half of them in front:
//
//   y[n, before + c, h, w] = x[n, c, stride h, stride w],   before = (channels - C) / 2;   zero elsewhere
//
//   x       lanes [N, C, H, W]
//   result  lanes [N, channels, ceil(H / stride), ceil(W / stride)],   channels >= C
//
// Gradient: of the pixels that were kept; zero for the others.
Tensor subsample(const Tensor& x, int stride, std::int64_t channels);

}  // namespace espalier::ops
