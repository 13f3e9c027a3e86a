// Sets images apart: for validation, or to train on a part of the data.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>

#include "datasets/dataset.h"

namespace espalier::datasets {

struct Parts {
  std::shared_ptr<const Dataset> first, second;
};

// Cuts `whole` in two; the second part has `second_images` images, drawn at random by `seed` and stratified:
// each class gives its share, rounded so that the total is exact. Both parts keep the order of `whole`, and a
// part without images is null. The same seed gives the same parts. Throws Error (usage) when there are too
// few.
Parts split_stratified(std::shared_ptr<const Dataset> whole, std::int64_t second_images, std::uint64_t seed);

}  // namespace espalier::datasets
