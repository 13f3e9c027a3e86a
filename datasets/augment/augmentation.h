// Which random changes training images go through, in this order: crop, flip, a policy's operations, cutout,
// erasing; then pairs of a batch are mixed. The defaults change nothing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "datasets/augment/mixing.h"
#include "datasets/augment/policy.h"
#include "datasets/augment/random_flip.h"
#include "framework/core/fields.h"
#include "framework/tensor/shape.h"

namespace espalier::datasets {

struct Augmentation {
  std::int64_t crop_padding = 0;
  std::string crop_mode = "zero";
  bool flip = false;
  std::string flip_mode = "random";
  AugmentPolicy policy = {};
  std::int64_t cutout = 0;
  double erase = 0.0;
  Mixing mix = {};

  void fields(FieldVisitor& v) {
    v.field("crop_padding", crop_padding, "pixels added on each side before a random crop; 0: no crop",
            {0, 256});
    v.field("crop_mode", crop_mode, "what is added: black, or the image mirrored", {"zero", "reflect"});
    v.field("flip", flip, "flip left and right at random");
    v.field("flip_mode", flip_mode, "each epoch by chance, or after the first in turn",
            {"random", "alternate"});
    v.field("cutout", cutout, "side of a square painted over at a random place, in pixels; 0: none",
            {0, 1024});
    v.field("erase", erase, "probability of painting over a rectangle of random size and shape", {0.0, 1.0});
    v.table("policy", policy, "random operations on colour and geometry");
    v.table("mix", mix, "mixing pairs of images and their labels");
  }

  // Throws Error (usage) when the settings make no sense for images of this shape [C, H, W].
  void check_for(const Shape& image_shape) const;
};

// Changes single images by the settings, as the view decides.
class Augmenter {
 public:
  // `fill` [C]: what cutout and erasing paint with.
  Augmenter(const Augmentation& settings, const Shape& image_shape, std::vector<std::uint8_t> fill);

  // Changes `image` [C, H, W]; `scratch` has its size. Returns the one of the two that holds the result.
  std::uint8_t* apply(std::uint8_t* image, std::uint8_t* scratch, const View& view) const;

 private:
  Augmentation settings_;
  Shape image_shape_;
  std::vector<std::uint8_t> fill_;  // [C]
};

}  // namespace espalier::datasets
