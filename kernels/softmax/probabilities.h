// Softmax and its logarithm, row by row; a row is [C][16], one distribution a lane.
#pragma once

#include "kernels/base/map.h"
#include "kernels/base/vec_math.h"
#include "kernels/softmax/softmax.h"

namespace espalier::kernels {
namespace {

// body(offset of a row's first float)
template <class Body>
void for_each_distribution(const LaneShape& shape, const Body& body) {
  const std::int64_t row_floats = shape.C * kLanes;
  for_each_row(shape.G() * shape.T, row_floats, [&](std::int64_t row) { body(row * row_floats); });
}

ESPALIER_INLINE Vec row_max(const float* row, std::int64_t C) {
  Vec largest = load(row);
  for (std::int64_t c = 1; c < C; ++c) largest = max(largest, load(row + c * kLanes));
  return largest;
}

// log sum e^row, from row - max row so that nothing overflows
ESPALIER_INLINE Vec row_log_sum_exp(const float* row, std::int64_t C) {
  const Vec largest = row_max(row, C);
  Vec total = zero();
  for (std::int64_t c = 0; c < C; ++c) total += exp(load(row + c * kLanes) - largest);
  return largest + log(total);
}

void softmax_fwd(const LaneShape& shape, const float* src, float* dst) {
  for_each_distribution(shape, [&](std::int64_t row) {
    const Vec largest = row_max(src + row, shape.C);
    Vec total = zero();
    for (std::int64_t i = row; i < row + shape.C * kLanes; i += kLanes) {
      const Vec e = exp(load(src + i) - largest);
      total += e;
      store(dst + i, e);
    }
    const Vec scale = broadcast(1.0f) / total;
    for (std::int64_t i = row; i < row + shape.C * kLanes; i += kLanes) store(dst + i, load(dst + i) * scale);
  });
}

void softmax_bwd(const LaneShape& shape, const float* dst, const float* diff_dst, float* diff_src) {
  for_each_distribution(shape, [&](std::int64_t row) {
    Vec dot = zero();
    for (std::int64_t i = row; i < row + shape.C * kLanes; i += kLanes)
      dot = fma(load(dst + i), load(diff_dst + i), dot);
    for (std::int64_t i = row; i < row + shape.C * kLanes; i += kLanes) {
      store(diff_src + i, load(dst + i) * (load(diff_dst + i) - dot));
    }
  });
}

void log_softmax_fwd(const LaneShape& shape, const float* src, float* dst) {
  for_each_distribution(shape, [&](std::int64_t row) {
    const Vec log_sum = row_log_sum_exp(src + row, shape.C);
    for (std::int64_t i = row; i < row + shape.C * kLanes; i += kLanes)
      store(dst + i, load(src + i) - log_sum);
  });
}

void log_softmax_bwd(const LaneShape& shape, const float* dst, const float* diff_dst, float* diff_src) {
  for_each_distribution(shape, [&](std::int64_t row) {
    Vec total = zero();
    for (std::int64_t i = row; i < row + shape.C * kLanes; i += kLanes) total += load(diff_dst + i);
    for (std::int64_t i = row; i < row + shape.C * kLanes; i += kLanes) {
      store(diff_src + i, fnma(exp(load(dst + i)), total, load(diff_dst + i)));
    }
  });
}

}  // namespace
}  // namespace espalier::kernels
