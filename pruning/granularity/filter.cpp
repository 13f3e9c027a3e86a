#include "pruning/granularity/filter.h"

#include <algorithm>
#include <cmath>

namespace espalier::pruning {

void Filter::fields(FieldVisitor& v) {
  v.field("norm", norm_, "how a filter's score sums up its weights' scores", {"l1", "l2"});
}

Tensor Filter::unit_scores(const Tensor& weight_scores) const {
  const std::int64_t filters = weight_scores.dim(0), size = weight_scores.numel() / filters;
  Tensor scores = Tensor::empty({filters});
  for (std::int64_t f = 0; f < filters; ++f) {
    const float* s = weight_scores.data() + f * size;
    double sum = 0.0;
    for (std::int64_t i = 0; i < size; ++i) sum += norm_ == "l1" ? double{s[i]} : double{s[i]} * double{s[i]};
    const double mean = sum / static_cast<double>(size);
    scores.data()[f] = static_cast<float>(norm_ == "l1" ? mean : std::sqrt(mean));
  }
  return scores;
}

void Filter::clear_units(std::span<const std::uint8_t> keep, Mask& mask) const {
  const std::int64_t size = mask.bytes().numel() / static_cast<std::int64_t>(keep.size());
  for (std::size_t f = 0; f < keep.size(); ++f) {
    if (keep[f] == 0) std::fill_n(mask.data() + static_cast<std::int64_t>(f) * size, size, std::uint8_t{0});
  }
}

void Filter::units_alive(const Mask& mask, std::span<std::uint8_t> alive) const {
  const std::int64_t size = mask.bytes().numel() / static_cast<std::int64_t>(alive.size());
  for (std::size_t f = 0; f < alive.size(); ++f) {
    const std::uint8_t* filter = mask.data() + static_cast<std::int64_t>(f) * size;
    alive[f] = std::any_of(filter, filter + size, [](std::uint8_t b) { return b != 0; }) ? 1 : 0;
  }
}

}  // namespace espalier::pruning
