#include "datasets/augment/cutout.h"

#include <algorithm>
#include <cstring>

namespace espalier::datasets {

void cutout(std::uint8_t* image, const Shape& image_shape, std::int64_t side, const std::uint8_t* fill,
            Random& random) {
  const std::int64_t channels = image_shape[0], height = image_shape[1], width = image_shape[2];
  const std::int64_t top = random.below(static_cast<std::uint32_t>(height)) - side / 2;
  const std::int64_t left = random.below(static_cast<std::uint32_t>(width)) - side / 2;
  const std::int64_t y_begin = std::max<std::int64_t>(0, top), y_end = std::min(height, top + side);
  const std::int64_t x_begin = std::max<std::int64_t>(0, left), x_end = std::min(width, left + side);
  for (std::int64_t c = 0; c < channels; ++c) {
    for (std::int64_t y = y_begin; y < y_end; ++y) {
      std::memset(image + (c * height + y) * width + x_begin, fill[c],
                  static_cast<std::size_t>(x_end - x_begin));
    }
  }
}

}  // namespace espalier::datasets
