#include "datasets/augment/normalisation.h"

#include <cmath>

#include "datasets/dataset.h"
#include "framework/core/error.h"

namespace espalier::datasets {

Normalisation measure_normalisation(const Dataset& dataset) {
  const Shape shape = dataset.image_shape();
  const auto channels = static_cast<std::size_t>(shape[0]);
  const auto pixels = static_cast<std::size_t>(shape[1] * shape[2]);
  // Sums of integers: exact, in whatever order.
  std::vector<std::uint64_t> sum(channels), sum_of_squares(channels);
  std::vector<std::uint8_t> image(channels * pixels);  // [C, H, W]
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i, image.data());
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t p = 0; p < pixels; ++p) {
        const std::uint64_t value = image[c * pixels + p];
        sum[c] += value;
        sum_of_squares[c] += value * value;
      }
    }
  }
  Normalisation result;
  const double count = static_cast<double>(dataset.size()) * static_cast<double>(pixels);
  for (std::size_t c = 0; c < channels; ++c) {
    const double mean = count > 0 ? static_cast<double>(sum[c]) / count : 0.0;
    const double variance = count > 0 ? static_cast<double>(sum_of_squares[c]) / count - mean * mean : 0.0;
    result.mean.push_back(mean / 255.0);
    result.stddev.push_back(variance > 0 ? std::sqrt(variance) / 255.0 : 1.0);
  }
  return result;
}

NormalisationTable::NormalisationTable(const Normalisation& normalisation, std::int64_t channels) {
  check(static_cast<std::int64_t>(normalisation.mean.size()) == channels &&
            static_cast<std::int64_t>(normalisation.stddev.size()) == channels,
        "normalisation", "images of {} channels need as many means and deviations, got {} and {}", channels,
        normalisation.mean.size(), normalisation.stddev.size());
  for (std::size_t c = 0; c < normalisation.mean.size(); ++c) {
    check(normalisation.stddev[c] > 0.0, "normalisation", "deviations are positive, got {} for channel {}",
          normalisation.stddev[c], c);
    std::array<float, 256>& values = table_.emplace_back();
    for (std::size_t byte = 0; byte < values.size(); ++byte) {
      const double pixel = static_cast<double>(byte) / 255.0;
      values[byte] = static_cast<float>((pixel - normalisation.mean[c]) / normalisation.stddev[c]);
    }
  }
}

}  // namespace espalier::datasets
