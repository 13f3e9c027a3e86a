// Reductions of activations in lanes: to one number, to one a channel, to one a plane, and along an axis.
#pragma once

#include "kernels/base/blocked_sum.h"
#include "kernels/base/map.h"
#include "kernels/reduce/plain.h"

namespace espalier::kernels {
namespace {

// The sum over all images of term(where a vector of channel c lies).
template <class Term>
double channel_total(const LaneShape& shape, std::int64_t c, const Term& term) {
  BlockedSums<1> sums;
  for (std::int64_t g = 0; g < shape.G(); ++g) {
    const int images = lanes_in_group(shape.N, g);
    const Mask16 counted = first_lanes(images);
    for (std::int64_t t = 0; t < shape.T; ++t) {
      const std::int64_t plane = ((g * shape.T + t) * shape.C + c) * shape.P * kLanes;
      if (images == kLanes) {
        sums.add(shape.HW, [&](std::int64_t p, Vec(&value)[1]) { value[0] = term(plane + p * kLanes); });
      } else {
        sums.add(shape.HW, [&](std::int64_t p, Vec(&value)[1]) {
          value[0] = select(counted, term(plane + p * kLanes), zero());
        });
      }
    }
  }
  return sums.total(0);
}

template <class Term>
void channel_totals(const LaneShape& shape, float* dst, const Term& term) {
  parallel_for(shape.C, [&](std::int64_t c) { dst[c] = static_cast<float>(channel_total(shape, c, term)); });
}

template <class T>
void channel_sum(const LaneShape& shape, const T* x, float* dst) {
  channel_totals(shape, dst, [=](std::int64_t i) { return load(x + i); });
}

template <class T>
void channel_dot(const LaneShape& shape, const T* a, const T* b, float* dst) {
  channel_totals(shape, dst, [=](std::int64_t i) { return load(a + i) * load(b + i); });
}

// The sum over every value of every image: group by group, planes in order.
template <class Term>
double lanes_total(const LaneShape& shape, const Term& term) {
  const std::int64_t planes = shape.G() * shape.T * shape.C;
  const std::int64_t step = planes / kParts + 1;
  double partial[kParts];
  const std::int64_t parts = (planes + step - 1) / step;
  parallel_for(parts, [&](std::int64_t part) {
    BlockedSums<1> sums;
    const std::int64_t end = (part + 1) * step < planes ? (part + 1) * step : planes;
    for (std::int64_t plane = part * step; plane < end; ++plane) {
      const Mask16 counted = first_lanes(lanes_in_group(shape.N, plane / (shape.T * shape.C)));
      sums.add(shape.HW, [&](std::int64_t p, Vec(&value)[1]) {
        value[0] = select(counted, term((plane * shape.P + p) * kLanes), zero());
      });
    }
    partial[part] = sums.total(0);
  });
  double total = 0.0;
  for (std::int64_t part = 0; part < parts; ++part) total += partial[part];
  return total;
}

template <class T>
double lanes_sum(const LaneShape& shape, const T* x) {
  return lanes_total(shape, [=](std::int64_t i) { return load(x + i); });
}

template <class T>
std::int64_t lanes_count_nonfinite(const LaneShape& shape, const T* x) {
  return static_cast<std::int64_t>(
      lanes_total(shape, [=](std::int64_t i) { return nonfinite(load(x + i)); }));
}

// dst [planes][16] = the sum of term over each plane.
template <class T, class Term>
void plane_totals(const LaneShape& shape, T* dst, const Term& term) {
  for_each_row(shape.G() * shape.T * shape.C, shape.P * kLanes, [&](std::int64_t plane) {
    store(dst + plane * kLanes,
          lane_sum(shape.HW, [&](std::int64_t p) { return term((plane * shape.P + p) * kLanes); }));
  });
}

template <class T>
void plane_sum(const LaneShape& shape, const T* x, T* dst) {
  plane_totals(shape, dst, [=](std::int64_t i) { return load(x + i); });
}

template <class T>
void plane_dot(const LaneShape& shape, const T* a, const T* b, T* dst) {
  plane_totals(shape, dst, [=](std::int64_t i) { return load(a + i) * load(b + i); });
}

template <class T>
void axis_sum(std::int64_t outer, std::int64_t R, std::int64_t inner, const T* x, T* dst) {
  if (inner == 1) {
    for (std::int64_t o = 0; o < outer; ++o) {
      store_first(dst + o, broadcast(static_cast<float>(array_sum(x + o * R, R))), 1);
    }
    return;
  }
  for (std::int64_t o = 0; o < outer; ++o) {
    const T* from = x + o * R * inner;
    T* to = dst + o * inner;
    map(inner, Output::cached, [&](const auto& at) {
      at.set(to, lane_sum(R, [&](std::int64_t r) { return at.get(from + r * inner); }));
    });
  }
}

}  // namespace
}  // namespace espalier::kernels
