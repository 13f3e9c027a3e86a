#include "pruning/granularity/granularity.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace espalier::pruning {
namespace {

// visit(weight, unit) for every weight, in order.
template <class Visit>
void for_each_weight(const Shape& shape, const UnitBox& box, const Visit& visit) {
  const UnitBox whole = whole_weight(shape);
  const std::int64_t units_ic = whole.ic / box.ic, units_taps = whole.taps / box.taps;
  std::int64_t weight = 0;
  for (std::int64_t oc = 0; oc < whole.oc; ++oc) {
    for (std::int64_t ic = 0; ic < whole.ic; ++ic) {
      const std::int64_t first = ((oc / box.oc) * units_ic + ic / box.ic) * units_taps;
      for (std::int64_t tap = 0; tap < whole.taps; ++tap) visit(weight++, first + tap / box.taps);
    }
  }
}

}  // namespace

UnitBox whole_weight(const Shape& shape) {
  UnitBox box{shape[0], shape[1], 1};
  for (int d = 2; d < shape.rank(); ++d) box.taps *= shape[d];
  return box;
}

bool Granularity::applies_to(const Shape& shape) const {
  if (shape.rank() < 2) return false;
  const UnitBox whole = whole_weight(shape), box = unit(shape);
  return whole.oc % box.oc == 0 && whole.ic % box.ic == 0 && whole.taps % box.taps == 0;
}

std::int64_t Granularity::unit_count(const Shape& shape) const {
  return shape.numel() / unit(shape).weights();
}

void Granularity::norm_field(FieldVisitor& v) {
  v.field("norm", norm_, "how a unit's score sums up its weights' scores", {"l1", "l2"});
}

Tensor Granularity::unit_scores(const Tensor& weight_scores, const Mask&) const {
  const Shape& shape = weight_scores.shape();
  const UnitBox box = unit(shape);
  if (box.weights() == 1) return weight_scores;
  std::vector<double> sums(static_cast<std::size_t>(unit_count(shape)), 0.0);
  const float* score = weight_scores.data();
  const bool l1 = norm_ == "l1";
  for_each_weight(shape, box, [&](std::int64_t weight, std::int64_t unit) {
    const double s = double{score[weight]};
    sums[static_cast<std::size_t>(unit)] += l1 ? s : s * s;
  });
  Tensor scores = Tensor::empty({static_cast<std::int64_t>(sums.size())});
  for (std::size_t u = 0; u < sums.size(); ++u) {
    const double mean = sums[u] / static_cast<double>(box.weights());
    scores.data()[u] = static_cast<float>(l1 ? mean : std::sqrt(mean));
  }
  return scores;
}

void Granularity::clear_units(std::span<const std::uint8_t> keep, Mask& mask) const {
  const Shape& shape = mask.bytes().shape();
  std::uint8_t* bytes = mask.data();
  for_each_weight(shape, unit(shape), [&](std::int64_t weight, std::int64_t unit) {
    bytes[weight] &= keep[static_cast<std::size_t>(unit)];
  });
}

void Granularity::set_units(std::span<const std::uint8_t> grow, Mask& mask) const {
  const Shape& shape = mask.bytes().shape();
  std::uint8_t* bytes = mask.data();
  for_each_weight(shape, unit(shape), [&](std::int64_t weight, std::int64_t unit) {
    bytes[weight] |= grow[static_cast<std::size_t>(unit)];
  });
}

void Granularity::units_alive(const Mask& mask, std::span<std::uint8_t> alive) const {
  const Shape& shape = mask.bytes().shape();
  const std::uint8_t* bytes = mask.data();
  std::fill(alive.begin(), alive.end(), std::uint8_t{0});
  for_each_weight(shape, unit(shape), [&](std::int64_t weight, std::int64_t unit) {
    alive[static_cast<std::size_t>(unit)] |= bytes[weight];
  });
}

}  // namespace espalier::pruning
