// Random horizontal flip: left and right change places in half of the images.
#pragma once

#include <cstdint>

#include "framework/core/random.h"
#include "framework/tensor/shape.h"

namespace espalier::datasets {

// In place; `image` is [C, H, W].
void random_flip(std::uint8_t* image, const Shape& image_shape, Random& random);

}  // namespace espalier::datasets
