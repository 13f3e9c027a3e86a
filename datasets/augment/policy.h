// Automatic augmentation: random operations of random strength, without a search.
//
//   trivial   one operation at a random strength of 31
//             (Mueller and Hutter, "TrivialAugment", ICCV 2021, wide space)
//   rand      `operations` of them, one after the other, all at strength `magnitude` of 31
//             (Cubuk et al., "RandAugment", NeurIPS 2020)
#pragma once

#include <cstdint>
#include <string>

#include "framework/core/fields.h"
#include "framework/core/random.h"
#include "framework/tensor/shape.h"

namespace espalier::datasets {

struct AugmentPolicy {
  std::string kind = "none";
  std::int64_t operations = 2;
  std::int64_t magnitude = 9;

  void fields(FieldVisitor& v);

  // In place; `image` and `scratch` are [C, H, W].
  void apply(std::uint8_t* image, std::uint8_t* scratch, const Shape& shape, Random& random) const;
};

}  // namespace espalier::datasets
