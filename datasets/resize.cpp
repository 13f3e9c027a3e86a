#include "datasets/resize.h"

#include <algorithm>
#include <cmath>

namespace espalier::datasets {
namespace {

// The input pixels that one output pixel is made of, and their weights.
struct Taps {
  std::int64_t first;
  std::vector<float> weights;
};

std::vector<Taps> filter_taps(std::int64_t in_size, std::int64_t out_size) {
  const double ratio = static_cast<double>(in_size) / static_cast<double>(out_size);
  const double half_width = std::max(1.0, ratio);
  std::vector<Taps> taps;
  for (std::int64_t i = 0; i < out_size; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * ratio;
    const auto begin = std::max<std::int64_t>(0, static_cast<std::int64_t>(std::floor(centre - half_width)));
    const auto end = std::min(in_size, static_cast<std::int64_t>(std::ceil(centre + half_width)));
    std::vector<double> weights;
    double total = 0.0;
    for (std::int64_t j = begin; j < end; ++j) {
      weights.push_back(std::max(0.0, 1.0 - std::fabs((static_cast<double>(j) + 0.5 - centre) / half_width)));
      total += weights.back();
    }
    Taps& tap = taps.emplace_back(Taps{begin, {}});
    for (const double weight : weights) tap.weights.push_back(static_cast<float>(weight / total));
  }
  return taps;
}

}  // namespace

std::vector<std::uint8_t> resize_to_square(const Image& image, std::int64_t side) {
  const std::int64_t square = std::min(image.height, image.width);
  const std::int64_t top = (image.height - square) / 2, left = (image.width - square) / 2;
  const std::vector<Taps> taps = filter_taps(square, side);

  std::vector<float> rows(
      static_cast<std::size_t>(3 * square * side));  // [3, square, side]: filtered along x
  for (std::int64_t y = 0; y < square; ++y) {
    const std::uint8_t* line = image.pixels.data() + 3 * ((top + y) * image.width + left);  // [square, 3]
    for (std::int64_t x = 0; x < side; ++x) {
      const Taps& tap = taps[static_cast<std::size_t>(x)];
      float sums[3] = {};
      for (std::size_t t = 0; t < tap.weights.size(); ++t) {
        const std::uint8_t* pixel = line + 3 * (tap.first + static_cast<std::int64_t>(t));
        for (int c = 0; c < 3; ++c) sums[c] += tap.weights[t] * static_cast<float>(pixel[c]);
      }
      for (int c = 0; c < 3; ++c) rows[static_cast<std::size_t>((c * square + y) * side + x)] = sums[c];
    }
  }

  std::vector<std::uint8_t> result(static_cast<std::size_t>(3 * side * side));  // [3, side, side]
  for (std::int64_t c = 0; c < 3; ++c) {
    for (std::int64_t y = 0; y < side; ++y) {
      const Taps& tap = taps[static_cast<std::size_t>(y)];
      for (std::int64_t x = 0; x < side; ++x) {
        const float* column = rows.data() + (c * square + tap.first) * side + x;
        float sum = 0.0f;
        for (std::size_t t = 0; t < tap.weights.size(); ++t) {
          sum += tap.weights[t] * column[static_cast<std::int64_t>(t) * side];
        }
        result[static_cast<std::size_t>((c * side + y) * side + x)] =
            static_cast<std::uint8_t>(std::clamp(sum + 0.5f, 0.0f, 255.0f));
      }
    }
  }
  return result;
}

}  // namespace espalier::datasets
