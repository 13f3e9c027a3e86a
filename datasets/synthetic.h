// A data set that needs no files: ten classes of shapes, drawn by code from a seed. Place, size, rotation,
// colours, background, clutter and noise are random, so that no pixel by itself says anything about the
// class: a linear model stays near chance, a small convolutional network learns it.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "datasets/dataset.h"

namespace espalier::datasets {

// Draws image `index` of the stream (seed, split) to `chw` [3, 32, 32]; returns its label, index modulo 10.
std::int32_t draw_synthetic(std::uint64_t seed, std::string_view split, std::int64_t index,
                            std::uint8_t* chw);

// The first `images` of a stream, in memory. Drawn by all threads.
std::shared_ptr<const Dataset> synthetic_dataset(std::uint64_t seed, std::string_view split,
                                                 std::int64_t images);

class SyntheticSpec : public DatasetSpec {
 public:
  void fields(FieldVisitor& v) override;
  Splits load() const override;

  // As many as CIFAR-10 has.
  std::int64_t train_images = 50000;
  std::int64_t validation_images = 0;
  std::int64_t test_images = 10000;
  std::int64_t seed = 0;
};

}  // namespace espalier::datasets
