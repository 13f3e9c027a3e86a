// Loss and accuracy over the batches of an epoch.
#pragma once

#include <cstdint>

#include "framework/tensor/tensor.h"

namespace espalier::train {

// Sums, so that they can be saved in the middle of an epoch and go on.
struct Metrics {
  double loss_sum = 0.0;  // over images
  std::int64_t correct = 0;
  std::int64_t images = 0;

  // `loss` is the mean over the batch; logits [N, K], labels i32 [N].
  void add(double loss, const Tensor& logits, const Tensor& labels);

  double loss() const { return images == 0 ? 0.0 : loss_sum / static_cast<double>(images); }
  double accuracy_percent() const {
    return images == 0 ? 0.0 : 100.0 * static_cast<double>(correct) / static_cast<double>(images);
  }
};

// Rows of logits [N, K] (lanes of f32 or bf16, or plain) whose largest element is the label's.
std::int64_t count_correct(const Tensor& logits, const Tensor& labels);

}  // namespace espalier::train
