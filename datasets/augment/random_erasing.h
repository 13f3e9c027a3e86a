// Random erasing: a rectangle of random size, shape and place is painted over. Zhong et al., "Random erasing
// data augmentation", AAAI 2020.
#pragma once

#include <cstdint>

#include "framework/core/random.h"
#include "framework/tensor/shape.h"

namespace espalier::datasets {

// With the given probability, paints a rectangle of 2 to 33% of the area and sides in a ratio of 0.3 to 3.3
// with `fill` ([C]). In place; `image` is [C, H, W].
void random_erasing(std::uint8_t* image, const Shape& shape, double probability, const std::uint8_t* fill,
                    Random& random);

}  // namespace espalier::datasets
