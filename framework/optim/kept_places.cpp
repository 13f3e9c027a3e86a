#include "framework/optim/kept_places.h"

#include <limits>
#include <utility>

#include "framework/core/error.h"
#include "framework/tensor/sparse/sparse_pattern.h"

namespace espalier::optim {
namespace {

void gather_at(const std::int32_t* place, std::int64_t n, const float* from, float* to) {
  for (std::int64_t i = 0; i < n; ++i) to[i] = from[place[i]];
}
void scatter_at(const std::int32_t* place, std::int64_t n, const float* from, float* to) {
  for (std::int64_t i = 0; i < n; ++i) to[place[i]] = from[i];
}

}  // namespace

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

void KeptPlaces::gather_values(std::int64_t begin, std::int64_t n, const float* values, float* kept) const {
  gather_at(of_place_.data() + begin, n, values, kept);
}

void KeptPlaces::scatter_values(std::int64_t begin, std::int64_t n, const float* kept, float* values) const {
  scatter_at(of_place_.data() + begin, n, kept, values);
}

void KeptPlaces::gather(std::int64_t begin, std::int64_t n, const float* whole, float* kept) const {
  gather_at(places_.data() + begin, n, whole, kept);
}

void KeptPlaces::scatter(std::int64_t begin, std::int64_t n, const float* kept, float* whole) const {
  scatter_at(places_.data() + begin, n, kept, whole);
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
