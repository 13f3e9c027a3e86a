// Bytes to the numbers that a network sees: (byte / 255 - mean) / std, per channel.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace espalier::datasets {

class Dataset;

// Of pixel values in [0, 1].
struct Normalisation {
  std::vector<double> mean;    // [C]
  std::vector<double> stddev;  // [C]
};

// The statistics of all pixels of a data set. A channel that never changes gets a stddev of 1.
Normalisation measure_normalisation(const Dataset& dataset);

// A byte has 256 values: the formula is evaluated once for each, and a pixel costs a look-up.
class NormalisationTable {
 public:
  // Throws Error unless there is a mean and a positive stddev for each of `channels`.
  NormalisationTable(const Normalisation& normalisation, std::int64_t channels);

  const float* channel(std::int64_t c) const { return table_[static_cast<std::size_t>(c)].data(); }

 private:
  std::vector<std::array<float, 256>> table_;  // [C][256]
};

}  // namespace espalier::datasets
