#include "datasets/memory_dataset.h"

#include <cstring>
#include <utility>

#include "framework/core/error.h"

namespace espalier::datasets {

MemoryDataset::MemoryDataset(const Shape& image_shape, std::int64_t classes, std::vector<std::uint8_t> pixels,
                             std::vector<std::int32_t> labels)
    : image_shape_(image_shape), classes_(classes), pixels_(std::move(pixels)), labels_(std::move(labels)) {
  check(image_shape.rank() == 3, "dataset", "images have a shape [C, H, W], got {}", image_shape.str());
  check(static_cast<std::int64_t>(pixels_.size()) == size() * image_shape.numel(), "dataset",
        "{} images of shape {} have {} bytes, got {}", size(), image_shape.str(),
        size() * image_shape.numel(), pixels_.size());
  for (const std::int32_t label : labels_) {
    check(label >= 0 && label < classes, "dataset", "labels are 0 .. {}, got {}", classes - 1, label);
  }
}

std::int32_t MemoryDataset::read(std::int64_t index, std::uint8_t* chw) const {
  const auto image_bytes = static_cast<std::size_t>(image_shape_.numel());
  std::memcpy(chw, pixels_.data() + static_cast<std::size_t>(index) * image_bytes, image_bytes);
  return labels_[static_cast<std::size_t>(index)];
}

Subset::Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices)
    : whole_(std::move(whole)), indices_(std::move(indices)) {
  for (const std::int64_t index : indices_) {
    check(index >= 0 && index < whole_->size(), "dataset", "image {} of a data set of {}", index,
          whole_->size());
  }
}

}  // namespace espalier::datasets
