// Softmax over the last dimension of activations [G][T][C][16] (HW = P = 1; [N, C] has T = 1), cross entropy
// on top of it, and the counts of right answers.
#pragma once

#include <cstdint>

#include "kernels/base/dispatch.h"
#include "kernels/base/lanes.h"

namespace espalier::kernels {

// What cross entropy compares with: a class an image, or a probability a class. With label smoothing s
// (Szegedy et al., arXiv:1512.00567) the target is (1 - s) target + s / C.
struct CrossEntropyTarget {
  const std::int32_t* labels = nullptr;  // [N][T], each 0 .. C-1
  const float* probabilities = nullptr;  // [G][T][C][16] where labels is null
  float smoothing = 0.0f;
};

struct SoftmaxKernels {
  Isa isa;
  // dst = e^src / sum e^src, computed from src - max src. dst may be src.
  void (*softmax_fwd)(const LaneShape& shape, const float* src, float* dst);
  // diff_src = dst * (diff_dst - sum diff_dst * dst)
  void (*softmax_bwd)(const LaneShape& shape, const float* dst, const float* diff_dst, float* diff_src);
  // dst = src - log sum e^src
  void (*log_softmax_fwd)(const LaneShape& shape, const float* src, float* dst);
  // diff_src = diff_dst - e^dst * sum diff_dst
  void (*log_softmax_bwd)(const LaneShape& shape, const float* dst, const float* diff_dst, float* diff_src);

  // Returns the mean over the N*T rows of  sum over c of target[c] * (log_sum_exp - logits[c]);
  // log_sum_exp [G][T][16] is for backward.
  double (*cross_entropy_fwd)(const LaneShape& shape, const float* logits, const CrossEntropyTarget& target,
                              float* log_sum_exp);
  // diff_logits = diff_loss / (N*T) * (softmax(logits) * sum target - target), zeros in padding lanes.
  void (*cross_entropy_bwd)(const LaneShape& shape, const float* logits, const CrossEntropyTarget& target,
                            const float* log_sum_exp, float diff_loss, float* diff_logits);

  // dst[n, t] = the class of the largest logit, the first of equals; dst [N][T].
  void (*argmax)(const LaneShape& shape, const float* logits, std::int32_t* dst);
  // In how many rows is the label among the k largest logits? Of equal logits the lower class is the larger;
  // a row with NaN at its label is wrong, and NaN elsewhere ranks above the label.
  std::int64_t (*count_top_k)(const LaneShape& shape, const float* logits, const std::int32_t* labels, int k);
};

inline const SoftmaxKernels& softmax() { return active_kernels<SoftmaxKernels>(); }

}  // namespace espalier::kernels
