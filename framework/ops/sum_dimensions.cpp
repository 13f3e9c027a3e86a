#include "framework/ops/sum_dimensions.h"

#include "framework/ops/relayout.h"
#include "framework/tensor/element.h"
#include "framework/tensor/lanes.h"
#include "kernels/reduce/reduce.h"

namespace espalier::ops {
namespace {

// The dimensions from `first` on, one after another over memory without padding.
Tensor sum_axes(Tensor t, DimensionSet dimensions, int first) {
  Shape shape = t.shape();
  const std::int64_t width = t.is_lanes() ? kernels::kLanes : 1;
  if (t.is_lanes()) t = relayout(t, {t.dim(0), t.numel() / t.dim(0)});
  for (int d = first; d < shape.rank(); ++d) {
    if (!dimensions[static_cast<std::size_t>(d)] || shape[d] == 1) continue;
    std::int64_t outer = t.is_lanes() ? t.groups() : 1, inner = width;
    for (int i = first; i < d; ++i) outer *= shape[i];
    for (int i = d + 1; i < shape.rank(); ++i) inner *= shape[i];
    const std::int64_t size = shape[d];
    shape = shape.with(d, 1);
    Tensor sum = Tensor::empty(t.is_lanes() ? Shape{t.dim(0), shape.numel() / t.dim(0)} : shape, t.layout(),
                               t.dtype());
    with_element(t.dtype(), [&](auto element) {
      using T = decltype(element);
      kernels::reduce<T>().axis_sum(outer, size, inner, t.data<T>(), sum.data<T>());
    });
    t = std::move(sum);
  }
  return relayout(t, shape);
}

Tensor sum_planes(const Tensor& t) {
  Tensor sums = Tensor::empty({t.dim(0), t.dim(1), 1, 1}, Layout::lanes, t.dtype());
  with_element(t.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::reduce<T>().plane_sum(lane_shape(t.shape()), t.data<T>(), sums.data<T>());
  });
  return sums;
}

// Over the images, which leaves no batch: plain, and so f32.
Tensor sum_batch(const Tensor& t) {
  const std::int64_t features = t.numel() / t.dim(0);
  const Tensor rows = relayout(t, {t.dim(0), features});
  Tensor sums = Tensor::empty(t.shape().with(0, 1));
  with_element(t.dtype(), [&](auto element) {
    using T = decltype(element);
    kernels::reduce<T>().channel_sum(lane_shape(rows.shape()), rows.data<T>(), sums.data());
  });
  return sums;
}

// What a sum of no elements is.
Tensor zeros_for(const Tensor& t, DimensionSet dimensions) {
  Shape shape = t.shape();
  for (int d = 0; d < t.rank(); ++d) {
    if (dimensions[static_cast<std::size_t>(d)]) shape = shape.with(d, 1);
  }
  const bool lanes = t.is_lanes() && !dimensions[0];
  return lanes ? Tensor::zeros(shape, Layout::lanes, t.dtype()) : Tensor::zeros(shape);
}

}  // namespace

Tensor sum_dimensions(const Tensor& t, DimensionSet dimensions) {
  if (t.numel() == 0) return zeros_for(t, dimensions);
  if (!t.is_lanes()) return sum_axes(t, dimensions, 0);
  Tensor sums = t;
  if (t.rank() == 4 && dimensions[2] && dimensions[3]) {
    sums = sum_planes(sums);
    dimensions.reset(2).reset(3);
  }
  DimensionSet features = dimensions;
  if (features.reset(0).any()) sums = sum_axes(sums, features, 1);
  return dimensions[0] ? sum_batch(sums) : sums;
}

}  // namespace espalier::ops
