#include "datasets/augment/augmentation.h"

#include <algorithm>
#include <utility>

#include "datasets/augment/cutout.h"
#include "datasets/augment/random_crop.h"
#include "datasets/augment/random_erasing.h"
#include "framework/core/error.h"

namespace espalier::datasets {

void Augmentation::check_for(const Shape& image_shape) const {
  const std::int64_t side = std::min(image_shape[1], image_shape[2]);
  if (crop_padding < 0 || crop_padding >= side) {
    fail(ErrorKind::usage, "augmentation", "crop_padding is 0 .. {} for images of {}x{}, got {}", side - 1,
         image_shape[1], image_shape[2], crop_padding);
  }
  if (cutout < 0 || cutout > 2 * side) {
    fail(ErrorKind::usage, "augmentation", "cutout is 0 .. {} for images of {}x{}, got {}", 2 * side,
         image_shape[1], image_shape[2], cutout);
  }
  if (crop_mode != "zero" && crop_mode != "reflect") {
    fail(ErrorKind::usage, "augmentation", "crop_mode is zero or reflect, got '{}'", crop_mode);
  }
  if (flip_mode != "random" && flip_mode != "alternate") {
    fail(ErrorKind::usage, "augmentation", "flip_mode is random or alternate, got '{}'", flip_mode);
  }
}

Augmenter::Augmenter(const Augmentation& settings, const Shape& image_shape, std::vector<std::uint8_t> fill)
    : settings_(settings), image_shape_(image_shape), fill_(std::move(fill)) {
  settings.check_for(image_shape);
  check(static_cast<std::int64_t>(fill_.size()) == image_shape[0], "augmentation",
        "cutout paints {} channels, got {} values", image_shape[0], fill_.size());
}

std::uint8_t* Augmenter::apply(std::uint8_t* image, std::uint8_t* scratch, const View& view) const {
  Random random(view.seed, "augment", static_cast<std::uint64_t>(view.epoch),
                static_cast<std::uint64_t>(view.index));
  if (settings_.crop_padding > 0) {
    const Padding mode = settings_.crop_mode == "reflect" ? Padding::reflect : Padding::zero;
    random_crop(image, scratch, image_shape_, settings_.crop_padding, mode, random);
    std::swap(image, scratch);
  }
  if (settings_.flip && settings_.flip_mode == "random") random_flip(image, image_shape_, random);
  if (settings_.flip && settings_.flip_mode == "alternate" && mirrored_in_turn(view))
    flip(image, image_shape_);
  settings_.policy.apply(image, scratch, image_shape_, random);
  if (settings_.cutout > 0) cutout(image, image_shape_, settings_.cutout, fill_.data(), random);
  if (settings_.erase > 0.0) random_erasing(image, image_shape_, settings_.erase, fill_.data(), random);
  return image;
}

}  // namespace espalier::datasets
