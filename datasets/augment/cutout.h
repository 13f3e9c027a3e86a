// Cutout: a square at a random place is painted over (DeVries and Taylor, "Improved Regularization of
// Convolutional Neural Networks with Cutout", 2017).
#pragma once

#include <cstdint>

#include "framework/core/random.h"
#include "framework/tensor/shape.h"

namespace espalier::datasets {

// Paints a square of `side` pixels with `fill` ([C], the data's mean: about 0 once normalised). Its centre is
// uniform over the pixels, so a part of it may lie outside, as in the paper. In place; `image` is [C, H, W].
void cutout(std::uint8_t* image, const Shape& image_shape, std::int64_t side, const std::uint8_t* fill,
            Random& random);

}  // namespace espalier::datasets
