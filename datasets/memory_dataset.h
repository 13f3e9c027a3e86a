// Data sets that lie in memory, and selections of them.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "datasets/dataset.h"

namespace espalier::datasets {

class MemoryDataset : public Dataset {
 public:
  // Throws Error unless there are labels.size() images and every label is one of 0 .. classes-1.
  MemoryDataset(const Shape& image_shape, std::int64_t classes, std::vector<std::uint8_t> pixels,
                std::vector<std::int32_t> labels);

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  Shape image_shape() const override { return image_shape_; }
  std::int64_t classes() const override { return classes_; }
  std::int32_t label(std::int64_t index) const override { return labels_[static_cast<std::size_t>(index)]; }
  std::int32_t read(std::int64_t index, std::uint8_t* chw) const override;

 private:
  Shape image_shape_;  // [C, H, W]
  std::int64_t classes_;
  std::vector<std::uint8_t> pixels_;  // [N, C, H, W]
  std::vector<std::int32_t> labels_;  // [N]
};

// The images of `whole` at `indices`, in that order.
class Subset : public Dataset {
 public:
  Subset(std::shared_ptr<const Dataset> whole, std::vector<std::int64_t> indices);

  std::int64_t size() const override { return static_cast<std::int64_t>(indices_.size()); }
  Shape image_shape() const override { return whole_->image_shape(); }
  std::int64_t classes() const override { return whole_->classes(); }
  std::int32_t label(std::int64_t index) const override { return whole_->label(at(index)); }
  std::int32_t read(std::int64_t index, std::uint8_t* chw) const override {
    return whole_->read(at(index), chw);
  }

 private:
  std::int64_t at(std::int64_t index) const { return indices_[static_cast<std::size_t>(index)]; }

  std::shared_ptr<const Dataset> whole_;
  std::vector<std::int64_t> indices_;
};

}  // namespace espalier::datasets
