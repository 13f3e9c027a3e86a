// The places of the weights that are left of a parameter. When few are, an optimizer holds moments for them
// alone, and its step visits them alone: memory and time follow the mask.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "framework/nn/parameter.h"

namespace espalier::optim {

class KeptPlaces {
 public:
  // Of these places, ascending. Throws Error for a mask that is dense.
  explicit KeptPlaces(const Mask& mask);

  // Up to a quarter of the weights it is faster to go by a list of places than over everything. Weights that
  // are dormant need all their moments.
  static bool pay(const nn::Parameter& parameter);

  // Are these the values of the places listed? Makes ready for the next three.
  bool follow(const nn::KeptValues& values);
  // Do the values that are followed lie in the places' order?
  bool in_order() const { return of_place_.empty(); }
  // Where they do not: kept[i] = what `values` has for the (begin + i)th place, i < n; and back
  void gather_values(std::int64_t begin, std::int64_t n, const float* values, float* kept) const;
  void scatter_values(std::int64_t begin, std::int64_t n, const float* kept, float* values) const;

  std::int64_t count() const { return static_cast<std::int64_t>(places_.size()); }

  // kept[i] = whole[the (begin + i)th place], i < n; and back
  void gather(std::int64_t begin, std::int64_t n, const float* whole, float* kept) const;
  void scatter(std::int64_t begin, std::int64_t n, const float* kept, float* whole) const;

  // A plain tensor's elements at the places, [count]; and back, 0 elsewhere.
  Tensor gather(const Tensor& whole) const;
  Tensor scatter(const Tensor& kept, const Shape& shape) const;

 private:
  std::uint64_t version_;  // of the mask
  std::vector<std::int32_t> places_;
  std::shared_ptr<const SparsePattern> followed_;
  std::vector<std::int32_t> of_place_;  // which value of the pattern followed; empty: they are in this order
};

}  // namespace espalier::optim
