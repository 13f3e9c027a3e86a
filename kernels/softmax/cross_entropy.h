// Cross entropy of logits with labels or with probabilities, forward and backward.
#pragma once

#include "kernels/softmax/probabilities.h"

namespace espalier::kernels {
namespace {

// The 16 labels of row (g, t), as numbers; padding lanes get -1, which is no class.
ESPALIER_INLINE Vec row_labels(const LaneShape& shape, const std::int32_t* labels, std::int64_t row) {
  const std::int64_t g = row / shape.T, t = row % shape.T;
  alignas(64) float numbers[16];
  for (int lane = 0; lane < kLanes; ++lane) {
    const std::int64_t image = g * kLanes + lane;
    numbers[lane] = image < shape.N ? static_cast<float>(labels[image * shape.T + t]) : -1.0f;
  }
  return load(numbers);
}

// Calls body(target), where target(c) is the smoothed target of class c in the 16 lanes of a row.
template <class Body>
ESPALIER_INLINE void with_target(const LaneShape& shape, const CrossEntropyTarget& target, std::int64_t row,
                                 const Body& body) {
  const float share = target.smoothing / static_cast<float>(shape.C);
  const Vec rest = broadcast(share), sharp = broadcast(1.0f - target.smoothing);
  if (target.labels != nullptr) {
    const Vec labels = row_labels(shape, target.labels, row), hit = sharp + rest;
    body([=](std::int64_t c) { return select(equal(labels, broadcast(static_cast<float>(c))), hit, rest); });
  } else {
    const float* probabilities = target.probabilities + row * shape.C * kLanes;
    body([=](std::int64_t c) { return fma(sharp, load(probabilities + c * kLanes), rest); });
  }
}

// Rows of a part of the loss; the parts are added in order.
constexpr int kLossParts = 64;

double cross_entropy_fwd(const LaneShape& shape, const float* logits, const CrossEntropyTarget& target,
                         float* log_sum_exp) {
  const std::int64_t rows = shape.G() * shape.T, step = rows / kLossParts + 1;
  const std::int64_t parts = (rows + step - 1) / step;
  double partial[kLossParts];
  parallel_for(parts, [&](std::int64_t part) {
    double loss = 0.0;
    const std::int64_t end = (part + 1) * step < rows ? (part + 1) * step : rows;
    for (std::int64_t row = part * step; row < end; ++row) {
      const float* x = logits + row * shape.C * kLanes;
      const Vec log_sum = row_log_sum_exp(x, shape.C);
      store(log_sum_exp + row * kLanes, log_sum);
      Vec row_loss = zero();
      with_target(shape, target, row, [&](const auto& target_of) {
        for (std::int64_t c = 0; c < shape.C; ++c) {
          // A class that cannot be the answer counts for nothing even where its logit is -inf.
          const Vec t = target_of(c), term = t * (log_sum - load(x + c * kLanes));
          row_loss += select(equal(t, zero()), zero(), term);
        }
      });
      alignas(64) float lanes[16];
      store(lanes, row_loss);
      const int images = lanes_in_group(shape.N, row / shape.T);
      for (int lane = 0; lane < images; ++lane) loss += static_cast<double>(lanes[lane]);
    }
    partial[part] = loss;
  });
  double loss = 0.0;
  for (std::int64_t part = 0; part < parts; ++part) loss += partial[part];
  return loss / static_cast<double>(shape.N * shape.T);
}

void cross_entropy_bwd(const LaneShape& shape, const float* logits, const CrossEntropyTarget& target,
                       const float* log_sum_exp, float diff_loss, float* diff_logits) {
  const Vec scale = broadcast(static_cast<float>(diff_loss / static_cast<double>(shape.N * shape.T)));
  for_each_row(shape.G() * shape.T, shape.C * kLanes, [&](std::int64_t row) {
    const float* x = logits + row * shape.C * kLanes;
    float* dx = diff_logits + row * shape.C * kLanes;
    const Vec log_sum = load(log_sum_exp + row * kLanes);
    const Mask16 images = first_lanes(lanes_in_group(shape.N, row / shape.T));
    with_target(shape, target, row, [&](const auto& target_of) {
      Vec total = broadcast(1.0f);
      if (target.labels == nullptr) {
        total = zero();
        for (std::int64_t c = 0; c < shape.C; ++c) total += target_of(c);
      }
      for (std::int64_t c = 0; c < shape.C; ++c) {
        const Vec p = exp(load(x + c * kLanes) - log_sum);
        store(dx + c * kLanes, select(images, scale * (p * total - target_of(c)), zero()));
      }
    });
  });
}

}  // namespace
}  // namespace espalier::kernels
