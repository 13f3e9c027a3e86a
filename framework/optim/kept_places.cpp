#include "framework/optim/kept_places.h"

#include <limits>

#include "framework/core/error.h"

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
