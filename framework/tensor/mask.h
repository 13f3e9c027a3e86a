// Which weights of a parameter exist. One byte a weight: 1 kept, 0 pruned; fused kernels read it as it is.
#pragma once

#include <cstdint>
#include <memory>

#include "framework/tensor/tensor.h"

namespace espalier {

class Mask {
 public:
  Mask() = default;  // dense: everything kept, no memory

  static Mask ones(const Shape& shape);
  // Takes a plain u8 tensor of zeros and ones; throws Error on any other value.
  static Mask from(Tensor bytes);

  bool dense() const { return !bytes_.defined(); }
  // Null when dense.
  const std::uint8_t* data() const { return dense() ? nullptr : bytes_.data<std::uint8_t>(); }
  // To write: counts as a change of the mask. Readers take the other one.
  std::uint8_t* data();
  const Tensor& bytes() const { return bytes_; }  // undefined when dense

  // A number that no other mask of this process has, and that changes whenever this one may have; 0 when
  // dense. What is derived from a mask is remembered under it.
  std::uint64_t version() const { return dense() ? 0 : *version_; }

  // Kept weights of `numel`.
  std::int64_t kept(std::int64_t numel) const;
  // Throws Error unless `values` are plain, f32 and of the mask's shape. A dense mask fits all.
  void check_fits(const Tensor& values) const;
  // Sets every element of `values` whose mask is 0 to exactly 0. Throws Error unless they fit.
  void apply_(Tensor& values) const;
  // Is every element of `values` whose mask is 0 exactly 0? Throws Error unless they fit.
  bool holds(const Tensor& values) const;

 private:
  explicit Mask(Tensor bytes);

  Tensor bytes_;
  std::shared_ptr<std::uint64_t> version_;  // shared by copies, as the bytes are
};

}  // namespace espalier
