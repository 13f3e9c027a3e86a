#include "datasets/augment/random_erasing.h"

#include <cmath>
#include <cstring>

namespace espalier::datasets {
namespace {

constexpr double kLeastArea = 0.02, kMostArea = 0.33, kLeastRatio = 0.3, kMostRatio = 3.3;
constexpr int kAttempts = 10;

double between(double low, double high, Random& random) {
  return low + (high - low) * double{random.uniform()};
}

}  // namespace

void random_erasing(std::uint8_t* image, const Shape& shape, double probability, const std::uint8_t* fill,
                    Random& random) {
  if (double{random.uniform()} >= probability) return;
  const std::int64_t height = shape[1], width = shape[2];
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const double area = static_cast<double>(height * width) * between(kLeastArea, kMostArea, random);
    const double ratio = std::exp(between(std::log(kLeastRatio), std::log(kMostRatio), random));
    const std::int64_t h = std::llround(std::sqrt(area * ratio)), w = std::llround(std::sqrt(area / ratio));
    if (h < 1 || w < 1 || h >= height || w >= width) continue;  // does not fit: another one
    const std::int64_t top = random.below(static_cast<std::uint32_t>(height - h + 1));
    const std::int64_t left = random.below(static_cast<std::uint32_t>(width - w + 1));
    for (std::int64_t c = 0; c < shape[0]; ++c) {
      for (std::int64_t y = top; y < top + h; ++y)
        std::memset(image + (c * height + y) * width + left, fill[c], static_cast<std::size_t>(w));
    }
    return;
  }
}

}  // namespace espalier::datasets
