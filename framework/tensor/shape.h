// The logical sizes of a tensor, kept in place: no allocation.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <vector>

namespace espalier {

class Shape {
 public:
  static constexpr int kMaxRank = 6;

  Shape() = default;
  Shape(std::initializer_list<std::int64_t> sizes);
  explicit Shape(const std::vector<std::int64_t>& sizes);

  int rank() const { return rank_; }
  // Negative dimensions count from the end.
  std::int64_t operator[](int dimension) const;
  // Throws Error when the elements cannot be counted in 64 bits.
  std::int64_t numel() const;
  // The dimension as 0 .. rank-1; throws Error when out of range.
  int wrap(int dimension) const;

  Shape with(int dimension, std::int64_t size) const;
  Shape without(int dimension) const;
  void append(std::int64_t size);

  const std::int64_t* begin() const { return sizes_.data(); }
  const std::int64_t* end() const { return sizes_.data() + rank_; }
  bool operator==(const Shape& other) const;

  // "[128, 64, 32, 32]"
  std::string str() const;

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

// The product of two counts of elements or bytes; throws Error when it does not fit into 64 bits.
std::int64_t checked_product(std::int64_t a, std::int64_t b);

// What the two shapes broadcast to, by NumPy's rules; throws Error when they do not.
Shape broadcast_shapes(const Shape& a, const Shape& b, const char* where);

}  // namespace espalier
