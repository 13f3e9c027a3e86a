#pragma once

#include "framework/tensor/tensor.h"

namespace espalier::ops {

// The mean over the batch of  - sum over k of target[k] * log softmax(logits)[k],  with label smoothing s
// (Szegedy et al., arXiv:1512.00567): target = 1 - s + s/K at the label, s/K elsewhere.
//
//   logits  lanes [N, K], or [N, T, K]: a prediction for each token
//   labels  plain i32 [N] or [N, T], each 0 .. K-1
//   result  a scalar
//
// Gradient of logits. Throws Error naming a label out of range.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels, float label_smoothing = 0.0f);

// The same against a probability for each class, for mixed labels and distillation: targets lanes of the
// logits' shape. Gradients of both.
Tensor soft_cross_entropy(const Tensor& logits, const Tensor& targets);

}  // namespace espalier::ops
