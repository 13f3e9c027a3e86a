// Random crop: the image is padded on all sides, and a window of its own size is cut out of the result.
#pragma once

#include <cstdint>

#include "framework/core/random.h"
#include "framework/tensor/shape.h"

namespace espalier::datasets {

enum class Padding {
  zero,     // black
  reflect,  // mirrored at the border pixel, which is not repeated
};

// Cuts a window out of `src` padded by `padding` pixels, at a uniformly random place, into `dst`; both
// [C, H, W], not overlapping. Reflection needs padding < H and < W.
void random_crop(const std::uint8_t* src, std::uint8_t* dst, const Shape& image_shape, std::int64_t padding,
                 Padding mode, Random& random);

}  // namespace espalier::datasets
