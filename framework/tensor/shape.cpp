#include "framework/tensor/shape.h"

#include <algorithm>

#include "framework/core/error.h"

namespace espalier {

Shape::Shape(std::initializer_list<std::int64_t> sizes) {
  for (std::int64_t size : sizes) append(size);
}

Shape::Shape(const std::vector<std::int64_t>& sizes) {
  for (std::int64_t size : sizes) append(size);
}

int Shape::wrap(int dimension) const {
  const int wrapped = dimension < 0 ? dimension + rank_ : dimension;
  // In front of check(), whose arguments are made in any case: this is asked at every turn.
  if (wrapped >= 0 && wrapped < rank_) return wrapped;
  fail(ErrorKind::failure, "shape", "dimension {} is out of range for {}", dimension, str());
}

std::int64_t Shape::operator[](int dimension) const {
  return sizes_[static_cast<std::size_t>(wrap(dimension))];
}

std::int64_t Shape::numel() const {
  std::int64_t count = 1;
  for (std::int64_t size : *this) count = checked_product(count, size);
  return count;
}

Shape Shape::with(int dimension, std::int64_t size) const {
  Shape result = *this;
  result.sizes_[static_cast<std::size_t>(wrap(dimension))] = size;
  return result;
}

Shape Shape::without(int dimension) const {
  Shape result;
  const int removed = wrap(dimension);
  for (int i = 0; i < rank_; ++i) {
    if (i != removed) result.append((*this)[i]);
  }
  return result;
}

void Shape::append(std::int64_t size) {
  check(rank_ < kMaxRank, "shape", "a tensor has at most {} dimensions", kMaxRank);
  check(size >= 0, "shape", "a size cannot be negative, got {}", size);
  sizes_[static_cast<std::size_t>(rank_++)] = size;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::equal(begin(), end(), other.begin());
}

std::string Shape::str() const { return fmt::format("[{}]", fmt::join(begin(), end(), ", ")); }

std::int64_t checked_product(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  if (!__builtin_mul_overflow(a, b, &product)) return product;
  fail(ErrorKind::failure, "shape", "a tensor of {} times {} elements is larger than any memory", a, b);
}

Shape broadcast_shapes(const Shape& a, const Shape& b, const char* where) {
  const int rank = std::max(a.rank(), b.rank());
  Shape result;
  for (int i = 0; i < rank; ++i) {
    const int ia = i - (rank - a.rank()), ib = i - (rank - b.rank());
    const std::int64_t sa = ia < 0 ? 1 : a[ia], sb = ib < 0 ? 1 : b[ib];
    check(sa == sb || sa == 1 || sb == 1, where,
          "shapes {} and {} do not broadcast: {} against {} in dimension {}", a.str(), b.str(), sa, sb, i);
    result.append(sa == 1 ? sb : sa);
  }
  return result;
}

}  // namespace espalier
