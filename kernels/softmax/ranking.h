// Which class a network answers with, and how often that is right.
#pragma once

#include "kernels/softmax/cross_entropy.h"

namespace espalier::kernels {
namespace {

void argmax(const LaneShape& shape, const float* logits, std::int32_t* dst) {
  for_each_row(shape.G() * shape.T, shape.C * kLanes, [&](std::int64_t row) {
    const float* x = logits + row * shape.C * kLanes;
    Vec best = load(x), index = zero();
    for (std::int64_t c = 1; c < shape.C; ++c) {
      const Vec v = load(x + c * kLanes);
      const Mask16 wins = greater(v, best);
      best = select(wins, v, best);
      index = select(wins, broadcast(static_cast<float>(c)), index);
    }
    alignas(64) float lanes[16];
    store(lanes, index);
    const std::int64_t g = row / shape.T, t = row % shape.T;
    const int images = lanes_in_group(shape.N, g);
    for (int lane = 0; lane < images; ++lane) {
      dst[(g * kLanes + lane) * shape.T + t] = static_cast<std::int32_t>(lanes[lane]);
    }
  });
}

std::int64_t count_top_k(const LaneShape& shape, const float* logits, const std::int32_t* labels, int k) {
  std::int64_t count = 0;
  for (std::int64_t row = 0; row < shape.G() * shape.T; ++row) {
    const float* x = logits + row * shape.C * kLanes;
    const std::int64_t g = row / shape.T, t = row % shape.T;
    const int images = lanes_in_group(shape.N, g);
    alignas(64) float at_label[16] = {};
    for (int lane = 0; lane < images; ++lane) {
      at_label[lane] = x[labels[(g * kLanes + lane) * shape.T + t] * kLanes + lane];
    }
    const Vec label = row_labels(shape, labels, row), mark = load(at_label);
    // How many classes stand before the label.
    const Vec one = broadcast(1.0f);
    Vec rank = select(is_nan(mark), broadcast(static_cast<float>(k)), zero());
    for (std::int64_t c = 0; c < shape.C; ++c) {
      const Vec v = load(x + c * kLanes), number = broadcast(static_cast<float>(c));
      const Vec if_equal = select(greater(label, number), one, zero());
      rank += select(greater(mark, v), zero(), select(equal(mark, v), if_equal, one));
    }
    alignas(64) float lanes[16];
    store(lanes, rank);
    for (int lane = 0; lane < images; ++lane) count += lanes[lane] < static_cast<float>(k);
  }
  return count;
}

}  // namespace
}  // namespace espalier::kernels
