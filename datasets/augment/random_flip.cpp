#include "datasets/augment/random_flip.h"

#include <algorithm>

namespace espalier::datasets {

bool mirrored_in_turn(const View& view) {
  Random first(view.seed, "flip", static_cast<std::uint64_t>(view.index));
  return (first.below(2) + static_cast<std::uint64_t>(view.epoch)) % 2 == 1;
}

void random_flip(std::uint8_t* image, const Shape& image_shape, Random& random) {
  if (random.below(2) == 1) flip(image, image_shape);
}

void flip(std::uint8_t* image, const Shape& image_shape) {
  const std::int64_t rows = image_shape[0] * image_shape[1], width = image_shape[2];
  for (std::int64_t r = 0; r < rows; ++r) std::reverse(image + r * width, image + (r + 1) * width);
}

}  // namespace espalier::datasets
