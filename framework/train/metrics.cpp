#include "framework/train/metrics.h"

#include "framework/core/error.h"
#include "framework/tensor/lanes.h"
#include "kernels/base/lanes.h"

namespace espalier::train {

void Metrics::add(double loss, const Tensor& logits, const Tensor& labels) {
  const std::int64_t count = labels.numel();
  loss_sum += loss * static_cast<double>(count);
  correct += count_correct(logits, labels);
  images += count;
}

std::int64_t count_correct(const Tensor& logits, const Tensor& labels) {
  if (logits.dtype() == DType::bf16) return count_correct(converted(logits, DType::f32), labels);
  check(logits.rank() == 2 && logits.dim(0) == labels.numel(), "accuracy",
        "expected logits [{}, classes] for {} labels, got {}", labels.numel(), labels.numel(),
        logits.shape().str());
  const std::int64_t N = logits.dim(0), K = logits.dim(1);
  const std::int64_t step = logits.is_lanes() ? kernels::kLanes : 1;  // from class to class
  const float* data = logits.data();
  const std::int32_t* label = labels.data<std::int32_t>();
  std::int64_t correct = 0;
  for (std::int64_t n = 0; n < N; ++n) {
    const float* row = logits.is_lanes()
                           ? data + n / kernels::kLanes * K * kernels::kLanes + n % kernels::kLanes
                           : data + n * K;
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < K; ++k) {
      if (row[k * step] > row[best * step]) best = k;
    }
    correct += best == label[n] ? 1 : 0;
  }
  return correct;
}

}  // namespace espalier::train
