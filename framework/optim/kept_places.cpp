#include "framework/optim/kept_places.h"

#include <limits>
#include <utility>

#include "framework/core/error.h"
#include "framework/tensor/sparse/sparse_pattern.h"

namespace espalier::optim {

KeptPlaces::KeptPlaces(const Mask& mask) : version_(mask.version()) {
  check(!mask.dense(), "kept places", "a dense mask keeps every place");
  const std::int64_t numel = mask.bytes().numel();
  check(numel <= std::numeric_limits<std::int32_t>::max(), "kept places", "{} weights are too many", numel);
  places_.reserve(static_cast<std::size_t>(mask.kept(numel)));
  for (std::int64_t i = 0; i < numel; ++i) {
    if (mask.data()[i] != 0) places_.push_back(static_cast<std::int32_t>(i));
  }
}

bool KeptPlaces::pay(const nn::Parameter& parameter) {
  return !parameter.mask.dense() && !parameter.dormant.defined() &&
         4 * parameter.nonzeros() <= parameter.value.numel();
}

bool KeptPlaces::follow(const nn::KeptValues& values) {
  if (values.mask_version != version_) return false;
  if (values.pattern == followed_) return true;
  followed_ = values.pattern;
  of_place_.clear();
  if (followed_->block_size() == 1) return true;
  const std::vector<std::int32_t> weights = followed_->places();
  std::vector<std::int32_t> value_of(static_cast<std::size_t>(followed_->shape().numel()));
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (weights[i] >= 0) value_of[static_cast<std::size_t>(weights[i])] = static_cast<std::int32_t>(i);
  }
  for (const std::int32_t place : places_) of_place_.push_back(value_of[static_cast<std::size_t>(place)]);
  return true;
}

const float* KeptPlaces::gradient_of(const nn::KeptValues& values, std::int64_t begin, std::int64_t n,
                                     float* copy) const {
  const Tensor gradient = values.values.grad();
  const float* from = std::as_const(gradient).data();
  if (of_place_.empty()) return from + begin;
  for (std::int64_t i = 0; i < n; ++i) copy[i] = from[of_place_[static_cast<std::size_t>(begin + i)]];
  return copy;
}

void KeptPlaces::gather(std::int64_t begin, std::int64_t n, const float* whole, float* kept) const {
  const std::int32_t* place = places_.data() + begin;
  for (std::int64_t i = 0; i < n; ++i) kept[i] = whole[place[i]];
}

void KeptPlaces::scatter(std::int64_t begin, std::int64_t n, const float* kept, float* whole) const {
  const std::int32_t* place = places_.data() + begin;
  for (std::int64_t i = 0; i < n; ++i) whole[place[i]] = kept[i];
}

Tensor KeptPlaces::gather(const Tensor& whole) const {
  Tensor kept = Tensor::empty({count()});
  gather(0, count(), whole.data(), kept.data());
  return kept;
}

Tensor KeptPlaces::scatter(const Tensor& kept, const Shape& shape) const {
  Tensor whole = Tensor::zeros(shape);
  scatter(0, count(), kept.data(), whole.data());
  return whole;
}

}  // namespace espalier::optim
