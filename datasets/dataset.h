// What a data set is: images of one size, each with a class, kept as bytes. A loader turns them into batches.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "datasets/augment/normalisation.h"
#include "framework/core/fields.h"
#include "framework/core/registry.h"
#include "framework/tensor/shape.h"

namespace espalier::datasets {

// Images are no larger, in pixels a side.
inline constexpr std::int64_t kMaxImageSide = 512;

// Safe to read from several threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::int64_t size() const = 0;
  virtual Shape image_shape() const = 0;  // [C, H, W]
  virtual std::int64_t classes() const = 0;
  virtual std::int32_t label(std::int64_t index) const = 0;
  // Writes image `index` to `chw` ([C, H, W], row-major) and returns its label, 0 .. classes()-1.
  virtual std::int32_t read(std::int64_t index, std::uint8_t* chw) const = 0;
};

// A data set as an experiment uses it.
struct Splits {
  std::string name;         // of the data that was found: "cifar10", "synthetic"
  std::string description;  // one line for people: what, from where, how many images
  std::shared_ptr<const Dataset> train;
  std::shared_ptr<const Dataset> validation;  // null when no images are set apart
  std::shared_ptr<const Dataset> test;
  Normalisation normalisation;
};

// A data set by name, with its settings: a part of the config.
class DatasetSpec {
 public:
  virtual ~DatasetSpec() = default;
  virtual void fields(FieldVisitor& v) = 0;
  // Reads or draws the data. Throws Error: io where a file cannot be read, integrity where its content is not
  // what it claims to be.
  virtual Splits load() const = 0;
};

const Registry<DatasetSpec>& dataset_registry();

}  // namespace espalier::datasets
