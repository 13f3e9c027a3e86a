// Loss and accuracy of a model on data that it does not train on.
#pragma once

#include <functional>

#include "framework/nn/module.h"
#include "framework/train/batch.h"
#include "framework/train/metrics.h"

namespace espalier::train {

// The mean loss of a batch for which the model gave logits [N, K]: a scalar.
using Loss = std::function<Tensor(const Tensor& logits, const Batch& batch)>;

// The logits [N, K] of images: the model's, or what is made of several calls.
using Predict = std::function<Tensor(nn::Module& model, const Tensor& images)>;
inline Tensor predict_once(nn::Module& model, const Tensor& images) { return model(images); }

// One epoch of `source` in evaluation mode and off the tape; leaves the model in the mode it was in.
Metrics evaluate(nn::Module& model, BatchSource& source, const Loss& loss,
                 const Predict& predict = predict_once);

}  // namespace espalier::train
